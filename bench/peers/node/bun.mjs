// The echo server of Bun: bun bun.mjs PORT echo|deflate|broadcast|tls CERT KEY.
const [port, task, certificate, key] = process.argv.slice(2);
const topic = "all";

Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  tls: task === "tls" ? { cert: Bun.file(certificate), key: Bun.file(key) } : undefined,
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("a WebSocket is expected", { status: 426 });
  },
  websocket: {
    perMessageDeflate: task === "deflate",
    open(socket) {
      if (task === "broadcast") socket.subscribe(topic);
    },
    message(socket, message) {
      if (task === "broadcast") {
        socket.publish(topic, message);
        socket.send(message);
      } else {
        socket.send(message, task === "deflate");
      }
    },
  },
});
