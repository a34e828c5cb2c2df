// The cells for whatever has the WebSocket of browsers.

import { LONG_TEXT, MEGABYTE, TEXT, bytes, expect, expectBytes, run } from "./cells.mjs";

export function runWeb(WebSocket, [url, fragmentsUrl], report) {
  const open = async (protocols = [], at = url) => {
    const socket = new WebSocket(at, protocols);
    socket.binaryType = "arraybuffer";
    await happens(socket, "open");
    return socket;
  };
  const echo = async (socket, data) => {
    const answer = happens(socket, "message");
    socket.send(data);
    return (await answer).data;
  };
  const done = async (socket) => {
    const closed = happens(socket, "close");
    socket.close(1000);
    await closed;
  };
  return run(
    {
      text: async () => {
        const socket = await open();
        expect(await echo(socket, TEXT), TEXT);
        await done(socket);
      },
      binary: async () => {
        const socket = await open();
        expectBytes(new Uint8Array(await echo(socket, bytes(256))), bytes(256));
        await done(socket);
      },
      megabyte: async () => {
        const socket = await open();
        expectBytes(new Uint8Array(await echo(socket, bytes(MEGABYTE))), bytes(MEGABYTE));
        await done(socket);
      },
      fragments: async () => {
        const socket = await open([], fragmentsUrl);
        expect(await echo(socket, "fragments"), "in fragments");
        await done(socket);
        return { partly: "the interface of browsers sends no fragments" };
      },
      deflate: async () => {
        const socket = await open();
        if (!socket.extensions.includes("permessage-deflate")) return "it does not offer permessage-deflate";
        expect(await echo(socket, LONG_TEXT), LONG_TEXT);
        await done(socket);
      },
      plain: async () => "its interface cannot decline compression",
      subprotocol: async () => {
        const socket = await open(["interop.v0", "interop.v1"]);
        expect(socket.protocol, "interop.v1");
        await done(socket);
      },
      closes: async () => {
        const socket = await open();
        const closed = happens(socket, "close");
        socket.close(4000, "bye");
        const { code, wasClean } = await closed;
        expect({ code, wasClean }, { code: 4000, wasClean: true });
      },
      closed: async () => {
        const socket = await open();
        const closed = happens(socket, "close");
        socket.send("close 4321 see you");
        const { code, reason, wasClean } = await closed;
        expect({ code, reason, wasClean }, { code: 4321, reason: "see you", wasClean: true });
      },
      ping: async () => {
        const socket = await open();
        expect(await echo(socket, "ping"), "ponged");
        await done(socket);
        return { partly: "the interface of browsers sends no pings" };
      },
    },
    report,
  );
}

function happens(socket, type) {
  return new Promise((resolve, reject) => {
    socket.addEventListener(type, resolve, { once: true });
    socket.addEventListener("close", (event) => reject(new Error(`closed: ${event.code} ${event.reason}`)), {
      once: true,
    });
  });
}
