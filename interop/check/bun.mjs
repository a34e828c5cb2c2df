// Bun as an echo: `bun bun.mjs PORT`.

console.log(JSON.stringify({ peer: `Bun ${Bun.version}` }));

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    const offered = request.headers.get("Sec-WebSocket-Protocol")?.split(/, */) ?? [];
    const headers = offered.includes("chat") ? { "Sec-WebSocket-Protocol": "chat" } : {};
    return server.upgrade(request, { headers }) ? undefined : new Response("WebSocket only", { status: 426 });
  },
  websocket: {
    perMessageDeflate: true,
    message: (socket, data) => socket.send(data, true),
  },
});
