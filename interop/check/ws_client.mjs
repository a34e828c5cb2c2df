// Node's `ws` as a client for `longwire check --listen`: `node ws_client.mjs ws://127.0.0.1:9001`.

import { createRequire } from "node:module";
import WebSocket from "ws";

const { version } = createRequire(import.meta.url)("ws/package.json");
const agent = `ws ${version} on Node ${process.versions.node}`;
const url = process.argv[2];

// Resolves with the messages of a connection when it has ended, or was never opened.
function connect(path, subprotocols, onMessage) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url + path, subprotocols, { perMessageDeflate: { threshold: 0 } });
    socket.on("message", (data, isBinary) => onMessage(socket, data, isBinary));
    // Many cases break the protocol.
    socket.on("error", () => {});
    socket.on("close", resolve);
  });
}

let count = 0;
await connect("/getCaseCount", [], (_, data) => (count = Number(data)));
for (let number = 1; number <= count; number++) {
  const path = `/runCase?case=${number}&agent=${encodeURIComponent(agent)}`;
  await connect(path, ["chat", "feed"], (socket, data, isBinary) => socket.send(data, { binary: isBinary }));
}
await connect(`/updateReports?agent=${encodeURIComponent(agent)}`, [], () => {});
