// The hub's clients of Socket.IO: the official client, beside one of Centrifugo and the API.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { within } from "../support/deadline.mjs";
import { api, connected, hub, subscribed, token } from "../support/hub.mjs";
import { Queue } from "../support/queue.mjs";
import { serve } from "../support/server.mjs";
import { connectedSocket, happens, next, socket, TRANSPORTS } from "../support/socketio.mjs";
import { proxy } from "../support/stream.mjs";

const as = (user, claims = {}) => ({ auth: { token: token({ sub: user, ...claims }) } });

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a client subscribes, publishes and asks`, async (t) => {
    const server = await hub(t);
    const ann = await connectedSocket(t, server, transports, as("ann"));
    const bob = await connected(t, server, "json", { token: token({ sub: "bob" }) });
    const position = await ann.ask("subscribe", "chat:tea", { join_leave: true });
    assert.ok(position.epoch && position.recoverable, JSON.stringify(position));
    const bobs = await subscribed(bob, "chat:tea", "json");
    const [[joined, { user }]] = await next(ann, "join");
    // Her own comes first.
    assert.deepEqual([joined, user], ["chat:tea", "ann"]);
    assert.equal((await next(ann, "join"))[0][1].user, "bob");

    assert.deepEqual(await ann.ask("publish", "chat:tea", { text: "hello", number: 1.5 }), {});
    await bobs.publish({ text: "hi" });
    await api(server, "publish", { channel: "chat:tea", data: ["It", "rains"] });
    const expected = [{ text: "hello", number: 1.5 }, { text: "hi" }, ["It", "rains"]];
    const publications = await next(ann, "publication", 3);
    for (const [index, data] of expected.entries()) {
      assert.deepEqual(await bobs.publications.next("publication"), { data, offset: index + 1 });
      const [channel, publication] = publications[index];
      assert.deepEqual([channel, publication.data, publication.offset], ["chat:tea", data, index + 1]);
    }
    assert.equal(publications[1][1].info.user, "bob");

    const { presence } = await ann.ask("presence", "chat:tea");
    assert.deepEqual(Object.values(presence).map(({ user }) => user).sort(), ["ann", "bob"]);
    assert.ok(presence[ann.session.client]);
    assert.deepEqual(await ann.ask("presence_stats", "chat:tea"), { num_clients: 2, num_users: 2 });
    const history = await ann.ask("history", "chat:tea");
    assert.deepEqual(history.publications.map(({ data }) => data), expected);
    assert.deepEqual([history.offset, history.epoch], [3, position.epoch]);
    const page = await ann.ask("history", "chat:tea", { limit: 1, reverse: true });
    assert.deepEqual(page.publications.map(({ offset }) => offset), [3]);

    bob.disconnect();
    assert.equal((await next(ann, "leave"))[0][1].user, "bob");
    assert.deepEqual(await ann.ask("unsubscribe", "chat:tea"), {});
    assert.equal((await api(server, "presence_stats", { channel: "chat:tea" })).num_clients, 0);
  });

  test(`${name}: after a cut, a client has each publication once and in order`, async (t) => {
    const server = await hub(t);
    const cutter = await proxy(t, server);
    const ann = await connectedSocket(t, cutter, transports, as("ann"));
    const publish = (number) => api(server, "publish", { channel: "chat:tea", data: number });
    const taken = new Queue();
    const problems = [];
    let since;
    let sessions = 0;
    const take = ({ data, offset }) => {
      since.offset = offset;
      taken.push(data);
    };
    const subscribe = () =>
      ann.emit("subscribe", "chat:tea", { since }, ({ error, recovered = false, publications = [], epoch, offset = 0 }) => {
        if (error || recovered !== Boolean(since)) problems.push({ error, recovered });
        since ??= { offset, epoch };
        publications.forEach(take);
        taken.push("subscribed");
      });
    ann.on("session", () => {
      sessions += 1;
      subscribe();
    });
    ann.on("publication", (_channel, publication) => take(publication));
    subscribe();
    assert.equal(await taken.next("an answer"), "subscribed");
    let published = 0;
    let seen = 0;
    for (let cut = 0; cut < 3; cut++) {
      for (let count = 0; count < 10; count++) await publish(published++);
      cutter.cut();
      for (let count = 0; count < 10; count++) await publish(published++);
      while (seen < published) {
        const data = await taken.next(`publication ${seen}`);
        if (data !== "subscribed") assert.equal(data, seen++);
      }
    }
    assert.deepEqual(problems, []);
    // A cut between two polls goes unnoticed.
    if (name !== "polling") assert.equal(sessions, 3);
  });

  test(`${name}: clients learn what they may not do, and why they are disconnected`, async (t) => {
    const server = await hub(t);
    const nobody = await connectedSocket(t, server, transports);
    const error = async (...asked) => (await nobody.ask(...asked)).error;
    assert.equal((await error("subscribe", "chat:tea")).code, 103);
    assert.equal((await error("publish", "chat:tea", 1)).code, 103);
    assert.equal((await error("subscribe", "unknown:tea")).code, 102);
    assert.match((await error("subscribe")).message, /argument 1, the channel/);
    assert.equal((await error("publish", "chat:tea", new Uint8Array(2))).code, 107);

    const wrong = socket(t, server, transports, { auth: { token: "wrong" } });
    const refused = await happens(wrong, "connect_error");
    assert.deepEqual([refused.message, refused.data.code], ["invalid token", 3500]);
    assert.equal(wrong.active, false, "it does not come back by itself");
    const expired = socket(t, server, transports, { auth: { token: token({ sub: "ann" }, -60) } });
    const { data } = await happens(expired, "connect_error");
    assert.equal(data.code, 109);
    // It comes back with another token.
    expired.auth = as("ann").auth;
    expired.connect();
    assert.equal((await expired.events.next("the greeting"))[0], "session");

    const bob = await connectedSocket(t, server, transports, as("bob"));
    const dropped = happens(bob, "disconnect");
    await api(server, "disconnect", { user: "bob", disconnect: { code: 4500, reason: "go" } });
    assert.deepEqual(await next(bob, "disconnected"), [[{ code: 4500, reason: "go", reconnect: false }]]);
    assert.equal(await dropped, "io server disconnect");
    assert.equal(bob.active, false);

    const eve = await connectedSocket(t, server, transports, as("eve"));
    const back = happens(eve, "disconnect").then(() => happens(eve, "connect"));
    await api(server, "disconnect", { user: "eve", disconnect: { code: 4000, reason: "again" } });
    assert.deepEqual(await next(eve, "disconnected"), [[{ code: 4000, reason: "again", reconnect: true }]]);
    await back;

    const ended = happens(eve, "disconnect");
    const stopped = server.stop();
    assert.match(await ended, /^transport (close|error)$/);
    assert.equal(eve.active, true, "it comes back by itself");
    assert.equal(await stopped, 0);
  });
}

test("the server's subscriptions come with the greeting, and what their client missed", async (t) => {
  const server = await hub(t);
  await api(server, "publish", { channel: "chat:tea", data: 0 });
  const channels = ["chat:tea"];
  const first = await connectedSocket(t, server, ["websocket"], as("ann", { channels }));
  const [[channel, { offset, epoch }]] = await next(first, "subscribed");
  assert.deepEqual([channel, offset], ["chat:tea", 1]);
  first.disconnect();
  await api(server, "publish", { channel: "chat:tea", data: 1 });
  const options = as("ann", { channels });
  options.auth.since = { "chat:tea": { offset, epoch } };
  const second = await connectedSocket(t, server, ["websocket"], options);
  const [[, recovered]] = await next(second, "subscribed");
  assert.equal(recovered.recovered, true);
  assert.deepEqual(recovered.publications.map(({ data }) => data), [1]);
});

test("many commands at once are answered, each by its own answer", async (t) => {
  const server = await hub(t);
  const ann = await connectedSocket(t, server, ["websocket"], as("ann"));
  await ann.ask("subscribe", "chat:tea");
  const published = Array.from({ length: 1_000 }, (_, number) => ann.ask("publish", "chat:tea", number));
  assert.deepEqual(await Promise.all(published), Array(1_000).fill({}));
  const seen = await next(ann, "publication", 1_000);
  assert.deepEqual(seen.map(([, { data }]) => data), Array.from({ length: 1_000 }, (_, number) => number));
});

test("a client that does not read is disconnected, and others do not notice", async (t) => {
  const config = `[namespaces.big]\nsubscribe = ["anonymous"]\n[api]\nkeys = ["an-api-key-of-the-tests"]\n`;
  const server = await serve(t, { config });
  const ann = await connectedSocket(t, server, ["websocket"]);
  await ann.ask("subscribe", "big:data");
  const bob = await connectedSocket(t, server, ["websocket"]);
  await bob.ask("subscribe", "big:data");
  const raw = bob.io.engine.transport.ws._socket;
  raw.pause();
  // Compression gains little.
  const data = randomBytes(45_000).toString("base64");
  const clients = async () => (await api(server, "info", {})).nodes[0].num_clients;
  let sent = 0;
  while ((await clients()) > 1) {
    await api(server, "publish", { channel: "big:data", data });
    sent += 1;
    assert.ok(sent < 2_000, "what waits for a client is bounded");
    await next(ann, "publication");
  }
  const dropped = happens(bob, "disconnect");
  raw.resume();
  const [[{ code, reconnect }]] = await next(bob, "disconnected");
  assert.deepEqual([code, reconnect], [3008, true]);
  await dropped;
});

// Long before the heartbeat, which takes 45 s to notice.
test("the connection of a client that never reads ends", async (t) => {
  const config =
    `[limits]\nclose_timeout = "1s"\n[namespaces.big]\nsubscribe = ["anonymous"]\n` +
    `[api]\nkeys = ["an-api-key-of-the-tests"]\n`;
  const server = await serve(t, { config });
  const bob = await connectedSocket(t, server, ["websocket"]);
  await bob.ask("subscribe", "big:data");
  const { ws } = bob.io.engine.transport;
  ws._socket.pause();
  const data = randomBytes(45_000).toString("base64");
  while ((await api(server, "info", {})).nodes[0].num_clients > 0) {
    await api(server, "publish", { channel: "big:data", data });
  }
  const begun = performance.now();
  // A paused socket notices the end only when it writes.
  const ended = new Promise((resolve) => ws._socket.once("close", resolve).on("error", () => {}));
  const writing = setInterval(() => ws.ping(), 200);
  t.after(() => clearInterval(writing));
  await within(ended, "end of the connection");
  assert.ok(performance.now() - begun < 30_000);
});

test("--no-socketio leaves it out", async (t) => {
  const server = await serve(t, { args: ["--no-socketio"] });
  const response = await fetch(server.http("/socket.io/?EIO=4&transport=polling"));
  assert.equal(response.status, 404);
});

test("pages of other origins are refused", async (t) => {
  const server = await hub(t, { origins: ["https://friend.example"] });
  const open = (origin) => fetch(server.http("/socket.io/?EIO=4&transport=polling"), { headers: { origin } });
  assert.equal((await open("https://foreign.example")).status, 403);
  const friendly = await open("https://friend.example");
  assert.equal(friendly.status, 200);
  assert.equal(friendly.headers.get("access-control-allow-origin"), "https://friend.example");
});
