// The `WebSocket` of Bun, or that of `undici`, which Node builds in, as a client for `longwire check --listen`:
// `bun whatwg_client.mjs ws://127.0.0.1:9001`, or `node whatwg_client.mjs …`.

import { createRequire } from "node:module";

const isBun = "bun" in process.versions;
const { WebSocket } = isBun ? globalThis : await import("undici");
const undici = isBun ? "" : createRequire(import.meta.url)("undici/package.json").version;
const agent = isBun ? `Bun ${process.versions.bun}` : `undici ${undici} on Node ${process.versions.node}`;
const url = process.argv[2];

// Resolves when a connection has ended, or was never opened.
function connect(path, subprotocols, onMessage) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url + path, subprotocols);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => onMessage(socket, data);
    // Many cases break the protocol.
    socket.onerror = () => {};
    socket.onclose = resolve;
  });
}

let count = 0;
await connect("/getCaseCount", [], (_, data) => (count = Number(data)));
for (let number = 1; number <= count; number++) {
  const path = `/runCase?case=${number}&agent=${encodeURIComponent(agent)}`;
  await connect(path, ["chat", "feed"], (socket, data) => socket.send(data));
}
await connect(`/updateReports?agent=${encodeURIComponent(agent)}`, [], () => {});
