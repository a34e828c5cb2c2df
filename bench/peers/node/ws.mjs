// The echo server of Node's ws: node ws.mjs PORT echo|deflate|broadcast|tls CERT KEY.
import { readFileSync } from "node:fs";
import { createServer as createPlain } from "node:http";
import { createServer as createTls } from "node:https";
import { WebSocketServer } from "ws";

const [port, task, certificate, key] = process.argv.slice(2);
const server =
  task === "tls"
    ? createTls({ cert: readFileSync(certificate), key: readFileSync(key) })
    : createPlain();
const sockets = new WebSocketServer({ server, perMessageDeflate: task === "deflate" });

sockets.on("connection", (socket) => {
  // A connection that is reset has ended.
  socket.on("error", () => {});
  socket.on("message", (message, binary) => {
    const receivers = task === "broadcast" ? sockets.clients : [socket];
    for (const receiver of receivers) {
      receiver.send(message, { binary });
    }
  });
});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
