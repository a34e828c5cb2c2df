// Chromium's own WebSocket API against `longwire serve`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { complains, launch } from "../support/browser.mjs";
import { serve } from "../support/server.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/**
 * Runs in the page: opens a WebSocket, sends the messages, waits for as many, closes, and gives what it saw.
 * A message is a string or `{ kind: "ArrayBuffer" | "Blob", bytes }`, both ways. With `close: false` the server closes.
 */
async function exchange({ url, protocols = [], messages = [], binaryType = "arraybuffer", close = [] }) {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = binaryType;
  const seen = { events: [], received: [] };
  const outgoing = (message) => {
    if (typeof message === "string") return message;
    const bytes = new Uint8Array(message.bytes);
    return message.kind === "Blob" ? new Blob([bytes]) : bytes.buffer;
  };
  const incoming = async (data) => {
    if (typeof data === "string") return data;
    const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
    return { kind: data.constructor.name, bytes: [...new Uint8Array(buffer)] };
  };
  const closeWhenDone = () => {
    if (close && seen.received.length === messages.length) socket.close(...close);
  };
  socket.onopen = () => {
    seen.events.push("open");
    seen.protocol = socket.protocol;
    for (const message of messages) socket.send(outgoing(message));
    window.socketIsOpen = true;
    closeWhenDone();
  };
  socket.onmessage = ({ data }) => {
    seen.received.push(data);
    closeWhenDone();
  };
  socket.onerror = () => seen.events.push("error");
  const { code, reason, wasClean } = await new Promise((resolve) => (socket.onclose = resolve));
  seen.events.push("close");
  return { ...seen, received: await Promise.all(seen.received.map(incoming)), code, reason, wasClean };
}

async function tab(t, options) {
  const server = await serve(t, options);
  return { server, page: await browser.tab(t, server.http()) };
}

/** A page of another origin than the server's. */
async function foreignOrigin(t) {
  const http = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<p>elsewhere");
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    http.close();
    http.closeAllConnections();
  });
  return `http://127.0.0.1:${http.address().port}`;
}

test("text comes back as text", async (t) => {
  const { server, page } = await tab(t);
  const messages = ["Hello, Server!", "", "κόσμε 🚃", "x".repeat(100_000)];
  const seen = await page.evaluate(exchange, { url: server.ws("/echo"), messages });
  assert.deepEqual(seen.received, messages);
  assert.deepEqual(seen.events, ["open", "close"]);
});

test("binary comes back as binary, sent as ArrayBuffer or as Blob", async (t) => {
  const { server, page } = await tab(t);
  const bytes = Array.from({ length: 70_000 }, (_, index) => index % 256);
  for (const [sent, binaryType, kind] of [
    ["ArrayBuffer", "arraybuffer", "ArrayBuffer"],
    ["Blob", "blob", "Blob"],
    ["Blob", "arraybuffer", "ArrayBuffer"],
  ]) {
    const messages = [{ kind: sent, bytes }, { kind: sent, bytes: [] }];
    const seen = await page.evaluate(exchange, { url: server.ws("/echo"), messages, binaryType });
    assert.deepEqual(seen.received, [{ kind, bytes }, { kind, bytes: [] }]);
  }
});

test("the subprotocol that the server chose is in socket.protocol", async (t) => {
  const { server, page } = await tab(t);
  const protocols = ["unknown.example", "chat.longwire", "echo.longwire"];
  assert.equal((await page.evaluate(exchange, { url: server.ws("/echo"), protocols })).protocol, "chat.longwire");
  assert.equal((await page.evaluate(exchange, { url: server.ws("/echo") })).protocol, "");
});

for (const [close, code] of [
  [[], 1005],
  [[1000, "bye"], 1000],
  [[4001, "application's own"], 4001],
]) {
  test(`a close with ${close.join(" ") || "no code"} is clean, and the code comes back`, async (t) => {
    const { server, page } = await tab(t);
    const seen = await page.evaluate(exchange, { url: server.ws("/echo"), messages: ["hello"], close });
    assert.deepEqual([seen.code, seen.wasClean], [code, true]);
    assert.deepEqual(seen.events, ["open", "close"]);
  });
}

test("a shutdown of the server is a clean close with 1001", async (t) => {
  const { server, page } = await tab(t);
  const closed = page.evaluate(exchange, { url: server.ws("/echo"), close: false });
  await page.waitForFunction(() => window.socketIsOpen);
  const exit = server.stop();
  const seen = await closed;
  assert.deepEqual([seen.code, seen.wasClean], [1001, true]);
  assert.deepEqual(seen.events, ["open", "close"]);
  assert.equal(await exit, 0);
});

test("a page of another origin is refused: error, then close with 1006", async (t) => {
  const server = await serve(t);
  const page = await browser.tab(t, await foreignOrigin(t));
  const seen = await page.evaluate(exchange, { url: server.ws("/echo") });
  assert.deepEqual(seen.events, ["error", "close"]);
  assert.deepEqual([seen.code, seen.reason, seen.wasClean], [1006, "", false]);
  await complains(page, "403");
});

test("--origin lets a page of that origin in", async (t) => {
  const origin = await foreignOrigin(t);
  const server = await serve(t, { origins: [origin] });
  const page = await browser.tab(t, origin);
  const seen = await page.evaluate(exchange, { url: server.ws("/echo"), messages: ["from elsewhere"] });
  assert.deepEqual(seen.received, ["from elsewhere"]);
  assert.deepEqual(seen.events, ["open", "close"]);
});

test("a path that is no endpoint is refused", async (t) => {
  const { server, page } = await tab(t);
  const seen = await page.evaluate(exchange, { url: server.ws("/nowhere") });
  assert.deepEqual(seen.events, ["error", "close"]);
  await complains(page, "404");
});

test("wss, from a page over https, with our certificate authority trusted", async (t) => {
  const { server, page } = await tab(t, { tls: true });
  assert.match(server.ws("/echo"), /^wss:/);
  const messages = ["over TLS", { kind: "ArrayBuffer", bytes: [1, 2, 3] }];
  const seen = await page.evaluate(exchange, { url: server.ws("/echo"), messages, close: [1000] });
  assert.deepEqual(seen.received, messages);
  assert.deepEqual([seen.code, seen.wasClean], [1000, true]);
});
