// Bun as a server: `bun bun.mjs PORT`. Does what `longwire-interop server` does.

console.log(JSON.stringify({ peer: `Bun ${Bun.version}` }));

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    const offered = request.headers.get("Sec-WebSocket-Protocol")?.split(/, */) ?? [];
    const headers = offered.includes("interop.v1") ? { "Sec-WebSocket-Protocol": "interop.v1" } : {};
    return server.upgrade(request, { headers }) ? undefined : new Response("WebSocket only", { status: 426 });
  },
  websocket: {
    perMessageDeflate: true,
    pong: (socket) => socket.send("ponged"),
    message(socket, data) {
      const close = typeof data === "string" && /^close (\d+) (.*)$/.exec(data);
      if (close) {
        socket.close(Number(close[1]), close[2]);
      } else if (data === "ping") {
        socket.ping("interop");
      } else if (data === "fragments") {
        socket.send("cannot: the server's interface sends no fragments");
      } else {
        socket.send(data, true);
      }
    },
  },
});
