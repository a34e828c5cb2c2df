// Node's `ws` as a client: `node ws.mjs URL FRAGMENTS-URL`.

import { once } from "node:events";
import { createRequire } from "node:module";
import WebSocket from "ws";

import { LONG_TEXT, MEGABYTE, TEXT, bytes, expect, expectBytes, run } from "./cells.mjs";

const [url, fragmentsUrl] = process.argv.slice(2);
const { version } = createRequire(import.meta.url)("ws/package.json");
const report = (line) => console.log(JSON.stringify(line));
report({ peer: `ws ${version} on Node ${process.versions.node}` });

async function open(protocols = [], options = {}, at = url) {
  const socket = new WebSocket(at, protocols, options);
  await once(socket, "open");
  return socket;
}

async function echo(socket, data) {
  const answer = once(socket, "message");
  socket.send(data);
  return (await answer)[0];
}

async function done(socket) {
  socket.close(1000);
  await once(socket, "close");
}

await run(
  {
    text: async () => {
      const socket = await open();
      expect(String(await echo(socket, TEXT)), TEXT);
      await done(socket);
    },
    binary: async () => {
      const socket = await open();
      expectBytes(await echo(socket, bytes(256)), bytes(256));
      await done(socket);
    },
    megabyte: async () => {
      const socket = await open();
      expectBytes(await echo(socket, bytes(MEGABYTE)), bytes(MEGABYTE));
      await done(socket);
    },
    fragments: async () => {
      const socket = await open([], { perMessageDeflate: false }, fragmentsUrl);
      const answer = once(socket, "message");
      socket.send("one ", { fin: false });
      socket.ping("between");
      socket.send("message", { fin: true });
      expect(String((await answer)[0]), "one message");
      expect(String(await echo(socket, "fragments")), "in fragments");
      await done(socket);
    },
    deflate: async () => {
      const socket = await open([], { perMessageDeflate: { threshold: 0 } });
      expect(socket.extensions.split(";")[0], "permessage-deflate");
      expect(String(await echo(socket, LONG_TEXT)), LONG_TEXT);
      await done(socket);
    },
    plain: async () => {
      const socket = await open([], { perMessageDeflate: false });
      expect(socket.extensions, "");
      expect(String(await echo(socket, LONG_TEXT)), LONG_TEXT);
      await done(socket);
    },
    subprotocol: async () => {
      const socket = await open(["interop.v0", "interop.v1"]);
      expect(socket.protocol, "interop.v1");
      await done(socket);
    },
    closes: async () => {
      const socket = await open();
      socket.close(4000, "bye");
      expect((await once(socket, "close"))[0], 4000);
    },
    closed: async () => {
      const socket = await open();
      socket.send("close 4321 see you");
      const [code, reason] = await once(socket, "close");
      expect([code, String(reason)], [4321, "see you"]);
    },
    ping: async () => {
      const socket = await open();
      socket.ping("here");
      expect(String((await once(socket, "pong"))[0]), "here");
      expect(String(await echo(socket, "ping")), "ponged");
      await done(socket);
    },
  },
  report,
);
process.exit();
