// Node's `ws` as an echo: `node ws.mjs PORT`.

import { createRequire } from "node:module";
import { WebSocketServer } from "ws";

const { version } = createRequire(import.meta.url)("ws/package.json");
console.log(JSON.stringify({ peer: `ws ${version} on Node ${process.versions.node}` }));

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => offered.has("chat") && "chat",
});
server.on("connection", (socket) => {
  // The error of a peer that breaks the protocol ends only its own connection.
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
