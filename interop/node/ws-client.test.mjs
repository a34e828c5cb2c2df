// Node's `ws` as a client of `longwire serve`.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { connect, refused } from "../support/client.mjs";
import { certificateAuthority } from "../support/environment.mjs";
import { serve } from "../support/server.mjs";

const MEBIBYTE = 1024 * 1024;

async function echoClient(t, options) {
  const server = await serve(t);
  return connect(t, server.ws("/echo"), options);
}

/** Members of one channel. A pong comes from the loop that reads the connection, so it has joined by then. */
async function members(t, count, url) {
  const joined = await Promise.all(Array.from({ length: count }, () => connect(t, url)));
  await Promise.all(joined.map((member) => member.ping()));
  return joined;
}

test("says where it listens", async (t) => {
  const server = await serve(t);
  const address = `127.0.0.1:${server.port}`;
  assert.match(server.banner, /^Longwire \d+\.\d+\.\d+/);
  assert.ok(server.banner.includes(`http://${address}/\n`), server.banner);
  assert.ok(server.banner.includes(`ws://${address}/echo\n`), server.banner);
  assert.ok(server.banner.includes(`ws://${address}/channel/{name}\n`), server.banner);
  assert.ok(server.banner.includes(`ws://${address}/ticker\n`), server.banner);
});

test("echo: every message comes back as it was", async (t) => {
  const client = await echoClient(t);
  const messages = [
    "Hello, Server!",
    "",
    Buffer.alloc(0),
    Buffer.from([0, 127, 128, 255]),
    "κόσμε · 長い · 🚃",
    "x".repeat(125),
    "x".repeat(126),
    "x".repeat(65_535),
    Buffer.alloc(65_536, 7),
    randomBytes(MEBIBYTE),
  ];
  for (const message of messages) client.send(message);
  for (const message of messages) assert.deepEqual(await client.message(), message);
});

test("echo: a message of 16 MiB is the largest", async (t) => {
  const client = await echoClient(t);
  const largest = randomBytes(16 * MEBIBYTE);
  client.send(largest);
  assert.ok(largest.equals(await client.message()));

  client.send(Buffer.alloc(16 * MEBIBYTE + 1));
  assert.equal((await client.closed()).code, 1009);
});

test("echo: a fragmented message comes back whole, with a ping answered in between", async (t) => {
  const client = await echoClient(t);
  client.send("one, ", { fin: false });
  client.send("two, ", { fin: false });
  assert.equal(await client.ping("in between"), "in between");
  client.send("three", { fin: true });
  assert.equal(await client.message(), "one, two, three");

  client.send(Buffer.from([1]), { fin: false });
  client.send(Buffer.from([2]), { fin: true });
  assert.deepEqual(await client.message(), Buffer.from([1, 2]));
});

test("a ping is answered with its payload", async (t) => {
  const client = await echoClient(t);
  assert.equal(await client.ping(), "");
  assert.equal(await client.ping("longwire"), "longwire");
  assert.equal(await client.ping("p".repeat(125)), "p".repeat(125));
});

test("subprotocol: the first offered that the server speaks", async (t) => {
  const server = await serve(t);
  const chosen = async (...protocols) => (await connect(t, server.ws("/echo"), { protocols })).protocol;
  assert.equal(await chosen("unknown.example", "chat.longwire", "echo.longwire"), "chat.longwire");
  assert.equal(await chosen("echo.longwire"), "echo.longwire");
  assert.equal(await chosen(), "");
});

test("subprotocol: none when none is spoken, which the client may refuse", async (t) => {
  const server = await serve(t);
  const attempt = connect(t, server.ws("/echo"), { protocols: ["unknown.example"] });
  // The server completes the handshake without the header (RFC 6455 §4.2.2); `ws` wanted one of its own.
  await assert.rejects(attempt, /Server sent no subprotocol/);
});

for (const [given, answered] of [
  [[], 1005],
  [[1000, "bye"], 1000],
  [[1001], 1001],
  [[3000], 3000],
  [[4001, "application's own"], 4001],
]) {
  test(`close ${given.join(" ") || "without a code"}: the code comes back (RFC 6455 §5.5.1)`, async (t) => {
    const client = await echoClient(t);
    assert.equal((await client.close(...given)).code, answered);
  });
}

test("a message sent just before the close is still echoed", async (t) => {
  const client = await echoClient(t);
  client.send("last words");
  await client.close(1000);
  assert.equal(await client.message(), "last words");
});

test("Origin: a foreign one is refused, its own and none are welcome", async (t) => {
  const server = await serve(t);
  const { status, headers, body } = await refused(server.ws("/echo"), { origin: "https://elsewhere.example" });
  assert.equal(status, 403);
  assert.match(headers["content-type"], /^text\/plain/);
  assert.match(body, /origin/i);
  // The same host at another port is another origin (RFC 6454 §5).
  assert.equal((await refused(server.ws("/echo"), { origin: "http://127.0.0.1:1" })).status, 403);
  assert.equal((await refused(server.ws("/echo"), { origin: "null" })).status, 403);
  // And so is the same host with another scheme.
  assert.equal((await refused(server.ws("/echo"), { origin: `https://127.0.0.1:${server.port}` })).status, 403);

  await connect(t, server.ws("/echo"), { origin: `http://127.0.0.1:${server.port}` });
  await connect(t, server.ws("/echo"));
});

test("Origin: --origin welcomes exactly those named, beside its own", async (t) => {
  const server = await serve(t, { origins: ["https://one.example", "https://two.example:8443"] });
  await connect(t, server.ws("/echo"), { origin: "https://one.example" });
  await connect(t, server.ws("/echo"), { origin: "https://two.example:8443" });
  await connect(t, server.ws("/echo"), { origin: `http://127.0.0.1:${server.port}` });
  for (const origin of ["https://two.example", "http://one.example", "https://one.example.evil.example"]) {
    assert.equal((await refused(server.ws("/echo"), { origin })).status, 403, origin);
  }
});

test("an unknown path is refused with 404", async (t) => {
  const server = await serve(t);
  for (const path of ["/", "/nowhere", "/channel/", "/channel/nowhere:a", `/channel/${"n".repeat(256)}`]) {
    const { status, headers } = await refused(server.ws(path));
    assert.equal(status, 404, path);
    assert.match(headers["content-type"], /^text\/plain/, path);
  }
});

test("another protocol version is refused with 426 and told the right one", async (t) => {
  const server = await serve(t);
  const { status, headers } = await refused(server.ws("/echo"), { protocolVersion: 8 });
  assert.equal(status, 426);
  assert.equal(headers["sec-websocket-version"], "13");
});

test("plain GET: the page with its parts, and 404 for the rest", async (t) => {
  const server = await serve(t);
  const page = await fetch(server.http("/"));
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.match(page.headers.get("content-security-policy"), /default-src 'self'/);
  const parts = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(parts.includes("/app.js") && parts.includes("/style.css") && parts.includes("/favicon.svg"), parts);
  for (const path of parts) assert.equal((await fetch(server.http(path))).status, 200, path);

  assert.equal((await fetch(server.http("/nowhere"))).status, 404);
});

test("plain requests: a WebSocket says that it is one, OPTIONS and HEAD say that the server is well", async (t) => {
  const server = await serve(t);
  for (const path of ["/echo", "/ticker", "/channel/demo:room"]) {
    const answer = await fetch(server.http(path));
    assert.equal(answer.status, 426, path);
    assert.equal(answer.headers.get("upgrade"), "websocket", path);
    assert.match(await answer.text(), /is a WebSocket/, path);
  }
  for (const [method, path, status] of [["OPTIONS", "/", 204], ["OPTIONS", "/echo", 204], ["HEAD", "/", 200], ["POST", "/", 405]]) {
    const answer = await fetch(server.http(path), { method });
    assert.equal(answer.status, status, `${method} ${path}`);
  }
});

const MASK = [0, 0, 0, 0];
for (const [offence, bytes, code] of [
  ["a reserved opcode", [0x83, 0x80, ...MASK], 1002],
  ["a reserved bit that nothing agreed on", [0x91, 0x80, ...MASK], 1002],
  ["a frame without a mask", [0x81, 0x02, 0x68, 0x69], 1002],
  ["a continuation of nothing", [0x80, 0x80, ...MASK], 1002],
  ["a new message inside of a fragmented one", [0x01, 0x80, ...MASK, 0x81, 0x80, ...MASK], 1002],
  ["a fragmented ping", [0x09, 0x80, ...MASK], 1002],
  ["a ping of 126 bytes", [0x89, 0xfe, 0, 126, ...MASK], 1002],
  ["a length in more bytes than it needs", [0x82, 0xfe, 0, 125, ...MASK], 1002],
  ["a length with the high bit set", [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, ...MASK], 1002],
  ["a Close frame with half a code", [0x88, 0x81, ...MASK, 0x03], 1002],
  ["a close code that is never sent (1006)", [0x88, 0x82, ...MASK, 0x03, 0xee], 1002],
  ["text that is not UTF-8", [0x81, 0x82, ...MASK, 0xc3, 0x28], 1007],
  ["text that fails before it has all arrived", [0x01, 0x81, ...MASK, 0xff], 1007],
  ["a close reason that is not UTF-8", [0x88, 0x84, ...MASK, 0x03, 0xe8, 0xc3, 0x28], 1007],
  ["a declared length over 16 MiB", [0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, ...MASK], 1009],
]) {
  test(`${offence} is answered with ${code}`, async (t) => {
    const client = await echoClient(t);
    client.sendRaw(bytes);
    assert.equal((await client.closed()).code, code);
  });
}

test("channel: each message goes to all subscribers, as it came", async (t) => {
  const server = await serve(t);
  const [ada, grace, rozsa] = await members(t, 3, server.ws("/channel/demo:room-1"));
  const [elsewhere] = await members(t, 1, server.ws("/channel/demo:room-2"));

  ada.send("from Ada");
  assert.equal(await grace.message(), "from Ada");
  assert.equal(await rozsa.message(), "from Ada");
  grace.send(Buffer.from([0xff, 0x00]));
  assert.deepEqual(await rozsa.message(), Buffer.from([0xff, 0x00]));

  assert.equal(await ada.message(), "from Ada");
  assert.deepEqual(await ada.message(), Buffer.from([0xff, 0x00]));
  // Had the other channel got anything of this one, it would have come before this.
  const [neighbour] = await members(t, 1, server.ws("/channel/demo:room-2"));
  neighbour.send("only here");
  assert.equal(await elsewhere.message(), "only here");
});

test("channel: the newest publications come first if that is asked for", async (t) => {
  const server = await serve(t);
  const url = server.ws("/channel/demo:room");
  const [ada] = await members(t, 1, url);
  for (const text of ["one", "two", "three"]) ada.send(text);
  for (const text of ["one", "two", "three"]) assert.equal(await ada.message(), text);
  const late = await connect(t, `${url}?history=2`);
  ada.send("four");
  for (const text of ["two", "three", "four"]) assert.equal(await late.message(), text);
});

test("channel: without permission the connection is closed with 3507", async (t) => {
  const server = await serve(t);
  const client = await connect(t, server.ws("/channel/news"));
  assert.equal((await client.closed()).code, 3507);
});

test("channel: every name that the rules allow", async (t) => {
  const server = await serve(t);
  for (const name of ["demo:a", "demo:A-z_0.9", `demo:${"n".repeat(250)}`]) {
    const [one, other] = await members(t, 2, server.ws(`/channel/${name}`));
    one.send(name);
    assert.equal(await other.message(), name);
  }
});

test("ticker: numbers at once and then each second, whatever is sent to it", async (t) => {
  const server = await serve(t);
  const echo = await connect(t, server.ws("/echo"));
  for (let sent = 0; sent < 3; sent += 1) echo.send("counted");
  for (let received = 0; received < 3; received += 1) await echo.message();

  const ticker = await connect(t, server.ws("/ticker"));
  ticker.send("ignored");
  const first = JSON.parse(await ticker.message());
  const second = JSON.parse(await ticker.message());
  assert.deepEqual(Object.keys(first).sort(), ["connections", "messages", "rate", "uptime"]);
  assert.equal(first.connections, 2);
  assert.ok(first.messages >= 3, `${first.messages} messages`);
  assert.ok(second.uptime > first.uptime, `${second.uptime} after ${first.uptime}`);
});

test("a client that vanishes is forgotten, and the server lives on", async (t) => {
  const server = await serve(t);
  const vanishing = await connect(t, server.ws("/channel/demo:room"));
  const ticker = await connect(t, server.ws("/ticker"));
  assert.equal(JSON.parse(await ticker.message()).connections, 2);
  vanishing.vanish();
  for (let ticks = 0, connections = 2; connections !== 1; ticks += 1) {
    assert.ok(ticks < 10, `${connections} connections after ${ticks} ticks`);
    ({ connections } = JSON.parse(await ticker.message()));
  }
  const next = await connect(t, server.ws("/echo"));
  next.send("still there?");
  assert.equal(await next.message(), "still there?");
});

test("SIGTERM: every connection is closed with 1001, and the program ends well", async (t) => {
  const server = await serve(t);
  const clients = await Promise.all(["/echo", "/channel/demo:room", "/ticker"].map((path) => connect(t, server.ws(path))));
  const exit = server.stop();
  for (const client of clients) assert.equal((await client.closed()).code, 1001);
  assert.equal(await exit, 0);
});

test("wss: the same over TLS, with the page over https", async (t) => {
  const server = await serve(t, { tls: true });
  assert.match(server.http(), /^https:/);
  const client = await connect(t, server.ws("/echo"), { ca: certificateAuthority() });
  client.send("over TLS");
  client.send(Buffer.alloc(MEBIBYTE, 1));
  assert.equal(await client.message(), "over TLS");
  assert.deepEqual(await client.message(), Buffer.alloc(MEBIBYTE, 1));
  assert.equal((await client.close(1000)).code, 1000);

  const own = { ca: certificateAuthority(), origin: `https://127.0.0.1:${server.port}` };
  await connect(t, server.ws("/echo"), own);
  await assert.rejects(connect(t, server.ws("/echo")), /certificate/);
});
