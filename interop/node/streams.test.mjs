// The transports without WebSocket: the official JavaScript client of Centrifugo, and clients written by hand.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";

import { EventSource } from "eventsource";
import WebSocket from "ws";

import { within } from "../support/deadline.mjs";
import { api, client, connected, event, hub, read, subscribed, token, write } from "../support/hub.mjs";
import { Lines, proxy } from "../support/stream.mjs";

const TRANSPORTS = [
  ["sse", "json"],
  ["http_stream", "json"],
  ["http_stream", "protobuf"],
];

/** The options of a client that uses this transport at `server`, or at a proxy of it. */
const by = (server, transport, options) => ({
  endpoint: [{ transport, endpoint: server.http(`/connection/${transport}`) }],
  emulationEndpoint: server.http("/emulation"),
  eventsource: EventSource,
  ...options,
});

const as = (user) => ({ token: token({ sub: user }) });
const json = { "Content-Type": "application/json" };

for (const [transport, encoding] of TRANSPORTS) {
  test(`${transport}, ${encoding}: a client subscribes, publishes and asks`, async (t) => {
    const server = await hub(t);
    const ann = await connected(t, server, encoding, by(server, transport, as("ann")));
    const bob = await connected(t, server, encoding, as("bob"));
    const anns = await subscribed(ann, "chat:tea", encoding);
    const bobs = await subscribed(bob, "chat:tea", encoding);
    await anns.publish(write(encoding, { text: "hello" }));
    await bobs.publish(write(encoding, { text: "hi" }));
    await api(server, "publish", { channel: "chat:tea", data: { text: "It rains" } });
    for (const { publications } of [anns, bobs]) {
      for (const [index, text] of ["hello", "hi", "It rains"].entries()) {
        assert.deepEqual(await publications.next("publication"), { data: { text }, offset: index + 1 });
      }
    }
    assert.deepEqual(await anns.presenceStats(), { numClients: 2, numUsers: 2 });
    await assert.rejects(ann.rpc("add", write(encoding, [1, 2])), { code: 108 });
    ann.disconnect();
    await gone(bobs, 1);
  });

  test(`${transport}, ${encoding}: after a cut, a client has each publication once and in order`, async (t) => {
    const server = await hub(t);
    const cutter = await proxy(t, server);
    const ann = await connected(t, server, encoding, by(cutter, transport, as("ann")));
    const anns = await subscribed(ann, "chat:tea", encoding, { recoverable: true });
    const publish = (number) => api(server, "publish", { channel: "chat:tea", data: number });
    let published = 0;
    for (let cut = 0; cut < 3; cut++) {
      const recovered = event(anns, "subscribed");
      for (let count = 0; count < 10; count++) await publish(published++);
      cutter.cut();
      for (let count = 0; count < 10; count++) await publish(published++);
      const answer = await recovered;
      assert.ok(answer.wasRecovering && answer.recovered, JSON.stringify(answer));
    }
    await publish(published++);
    for (let number = 0; number < published; number++) {
      assert.deepEqual(await anns.publications.next("publication"), { data: number, offset: number + 1 });
    }
  });

  test(`${transport}, ${encoding}: clients learn why they are disconnected`, async (t) => {
    const server = await hub(t);
    const ann = await connected(t, server, encoding, by(server, transport, as("ann")));
    const refused = event(ann, "disconnected");
    await api(server, "disconnect", { user: "ann", disconnect: { code: 4500, reason: "go" } });
    assert.deepEqual(await refused, { code: 4500, reason: "go" });

    const wrong = client(t, server, encoding, by(server, transport, { token: `${token({ sub: "ann" })}x` }));
    const wrongly = event(wrong, "disconnected");
    wrong.connect();
    assert.equal((await wrongly).code, 3500);

    const bob = await connected(t, server, encoding, by(server, transport, as("bob")));
    const connecting = event(bob, "connecting");
    const stopped = server.stop();
    assert.equal((await connecting).code, 3001);
    assert.equal(await stopped, 0);
  });
}

/** Waits until the channel has so many clients. */
async function gone(subscription, clients) {
  const left = async () => {
    while ((await subscription.presenceStats()).numClients !== clients);
  };
  await within(left(), "a client leaves");
}

/** Connects by SSE, by hand. The lines and the answer. */
async function sse(t, server, connectRequest, options) {
  const commands = encodeURIComponent(JSON.stringify({ id: 1, connect: connectRequest }));
  const response = await fetch(server.http(`/connection/sse?cf_connect=${commands}`), options);
  assert.equal(response.status, 200);
  const lines = new Lines(t, response);
  const answer = JSON.parse((await lines.next("answer")).replace(/^data: /, ""));
  return { response, lines, connect: answer.connect };
}

const emulate = (server, body, headers = json) =>
  fetch(server.http("/emulation"), { method: "POST", headers, body: JSON.stringify(body) });

test("one-way clients get their channels by SSE, HTTP stream and WebSocket", async (t) => {
  const server = await hub(t);
  const request = (user) => JSON.stringify({ token: token({ sub: user, channels: ["chat:tea"] }) });
  const query = encodeURIComponent(request("ann"));
  const events = await fetch(server.http(`/connection/uni_sse?cf_connect=${query}`));
  assert.match(events.headers.get("content-type"), /^text\/event-stream/);
  assert.equal(events.headers.get("x-accel-buffering"), "no");
  assert.match(events.headers.get("cache-control"), /no-store/);
  const body = request("bob");
  const stream = await fetch(server.http("/connection/uni_http_stream"), { method: "POST", headers: json, body });
  const socket = new WebSocket(server.ws("/connection/uni_websocket"));
  t.after(() => socket.terminate());
  const messages = [];
  socket.on("message", (text) => messages.push(JSON.parse(text)));
  await once(socket, "open");
  socket.send(request("eve"));
  socket.send("this has no meaning");
  const [sseLines, streamLines] = [new Lines(t, events), new Lines(t, stream)];
  const next = {
    sse: async () => JSON.parse((await sseLines.next("event")).replace(/^data: /, "")),
    stream: async () => JSON.parse(await streamLines.next("line")),
    socket: async () => {
      while (messages.length === 0) await within(once(socket, "message"), "message");
      return messages.shift();
    },
  };
  for (const receive of Object.values(next)) {
    const { connect: answer } = await receive();
    assert.ok(answer.client && answer.subs["chat:tea"] && !answer.session, JSON.stringify(answer));
  }
  await api(server, "publish", { channel: "chat:tea", data: { text: "hello" } });
  for (const receive of Object.values(next)) {
    let push = await receive();
    while (push.join) push = await receive();
    const { time } = push.pub;
    assert.deepEqual(push, { channel: "chat:tea", pub: { data: { text: "hello" }, offset: 1, time } });
  }
  const closed = once(socket, "close");
  await api(server, "disconnect", { user: "ann", disconnect: { code: 4500, reason: "go" } });
  await api(server, "disconnect", { user: "bob", disconnect: { code: 4500, reason: "go" } });
  await api(server, "disconnect", { user: "eve", disconnect: { code: 4500, reason: "go" } });
  for (const receive of [next.sse, next.stream]) {
    let push = await receive();
    while (push.leave || push.join) push = await receive();
    assert.deepEqual(push.disconnect, { code: 4500, reason: "go" });
  }
  assert.equal(await sseLines.next("end"), undefined);
  assert.equal((await closed)[0], 4500);
});

test("one-way clients that send no connect request are refused", async (t) => {
  const server = await hub(t);
  const status = async (path, options) => (await fetch(server.http(path), options)).status;
  assert.equal(await status("/connection/uni_sse"), 400);
  assert.equal(await status("/connection/uni_sse?cf_connect=tea"), 400);
  assert.equal(await status("/connection/uni_http_stream"), 405);
  assert.equal(await status("/connection/uni_http_stream", { method: "POST", body: "[" }), 400);
  assert.equal(await status("/connection/sse"), 400);
  assert.equal(await status("/connection/http_stream"), 405);
  const socket = new WebSocket(server.ws("/connection/uni_websocket"));
  await once(socket, "open");
  socket.send("[");
  assert.equal((await once(socket, "close"))[0], 3501);
});

test("a session is reached by its own id only", async (t) => {
  const server = await hub(t);
  const { lines, connect: ann } = await sse(t, server, as("ann"));
  const data = JSON.stringify({ id: 2, subscribe: { channel: "chat:tea" } });
  const { node, session } = ann;
  for (const [request, status] of [
    [{ node: "another", session, data }, 404],
    [{ node, session: ann.client, data }, 204],
    [{ node, session: "", data }, 204],
    [{ node, session: `${session}x`, data }, 204],
    [{ node, session, data: 7 }, 400],
    [{}, 404],
    [[], 404],
    ["tea", 400],
  ]) {
    assert.equal((await emulate(server, request)).status, status, JSON.stringify(request));
  }
  assert.equal((await fetch(server.http("/emulation"))).status, 405);
  assert.equal((await emulate(server, { node, session, data: JSON.stringify({ id: 9, ping: {} }) })).status, 204);
  assert.deepEqual(JSON.parse((await lines.next("pong")).replace(/^data: /, "")), { id: 9, ping: {} });
  await lines.cancel();
});

test("a session ends with its stream", async (t) => {
  const server = await hub(t);
  const bob = await connected(t, server, "json", as("bob"));
  const bobs = await subscribed(bob, "chat:tea", "json");
  const { lines, connect: ann } = await sse(t, server, { token: token({ sub: "ann", channels: ["chat:tea"] }) });
  await gone(bobs, 2);
  await lines.cancel();
  await gone(bobs, 1);
  const { node, session } = ann;
  const data = JSON.stringify({ id: 2, publish: { channel: "chat:tea", data: 1 } });
  assert.equal((await emulate(server, { node, session, data })).status, 204);
  assert.equal((await bobs.history({ limit: 1 })).publications.length, 0);
});

test("large requests are refused", async (t) => {
  const server = await hub(t);
  const body = "x".repeat(1 << 20);
  for (const path of ["/emulation", "/connection/http_stream", "/connection/sse", "/connection/uni_http_stream"]) {
    // The server ends such a connection, so no later request may use it.
    const headers = { ...json, connection: "close" };
    const status = await fetch(server.http(path), { method: "POST", headers, body }).then(
      (response) => response.status,
      () => "reset",
    );
    assert.ok(status === 413 || status === "reset", `${path}: ${status}`);
  }
  const { connect: ann } = await sse(t, server, as("ann"));
  assert.equal((await emulate(server, { node: ann.node, session: ann.session, data: "{}" })).status, 204);
});

test("a client that never reads is disconnected, and others go on", async (t) => {
  const server = await hub(t);
  const bob = await connected(t, server, "json", as("bob"));
  const bobs = await subscribed(bob, "chat:tea", "json");
  const body = JSON.stringify({ token: token({ sub: "ann", channels: ["chat:tea"] }) });
  const ann = connect({ port: server.port, host: "127.0.0.1" });
  t.after(() => ann.destroy());
  ann.pause();
  const head = `POST /connection/uni_http_stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
  ann.write(head + body);
  await gone(bobs, 2);
  const data = "x".repeat(60_000);
  let published = 0;
  const flood = async () => {
    while ((await bobs.presenceStats()).numClients === 2) {
      await api(server, "publish", { channel: "chat:tea", data });
      published += 1;
    }
  };
  await within(flood(), "the slow client is disconnected");
  for (let count = 1; count <= published; count++) {
    assert.equal((await bobs.publications.next("publication")).offset, count);
  }
});

test("pages of other origins are refused, and those that are allowed may read", async (t) => {
  const server = await hub(t, { origins: ["https://friend.example"] });
  const from = (path, origin, options = {}) =>
    fetch(server.http(path), { ...options, headers: { ...options.headers, Origin: origin } });
  const post = { method: "POST", headers: json, body: "{}" };
  const ask = { method: "OPTIONS", headers: { "Access-Control-Request-Method": "POST" } };
  const paths = ["sse", "http_stream", "uni_sse", "uni_http_stream"].map((name) => `/connection/${name}`);
  for (const path of [...paths, "/emulation"]) {
    for (const options of [post, ask]) {
      const refused = await from(path, "https://stranger.example", options);
      assert.equal(refused.status, 403, path);
      assert.equal(refused.headers.get("access-control-allow-origin"), null);
      const opaque = await from(path, "null", options);
      assert.equal(opaque.status, 403, path);
    }
    const asked = await from(path, "https://friend.example", ask);
    assert.equal(asked.status, 204);
    assert.match(asked.headers.get("access-control-allow-headers"), /content-type/);
    for (const origin of ["https://friend.example", new URL(server.http("/")).origin]) {
      const answered = await from(path, origin, post);
      assert.notEqual(answered.status, 403, path);
      assert.equal(answered.headers.get("access-control-allow-origin"), origin);
      assert.equal(answered.headers.get("access-control-allow-credentials"), "true");
      assert.equal(answered.headers.get("vary"), "Origin");
      await answered.body?.cancel();
    }
  }
});
