// Node's `ws` as a server: `node ws.mjs PORT`. Does what `longwire-interop server` does.

import { createRequire } from "node:module";
import { WebSocketServer } from "ws";

const { version } = createRequire(import.meta.url)("ws/package.json");
console.log(JSON.stringify({ peer: `ws ${version} on Node ${process.versions.node}` }));

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => offered.has("interop.v1") && "interop.v1",
});
server.on("connection", (socket) => {
  socket.on("pong", () => socket.send("ponged"));
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? "" : String(data);
    const close = /^close (\d+) (.*)$/.exec(text);
    if (close) {
      socket.close(Number(close[1]), close[2]);
    } else if (text === "ping") {
      socket.ping("interop");
    } else if (text === "fragments") {
      socket.send("in frag", { fin: false });
      socket.send("ments", { fin: true });
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
});
