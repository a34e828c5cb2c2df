// The official JavaScript client of Centrifugo in Chromium, over every transport that `longwire serve` offers.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { centrifugePage } from "../support/centrifuge-page.mjs";
import { CONFIG, api, hub, token } from "../support/hub.mjs";
import { proxy } from "../support/stream.mjs";

const TRANSPORTS = [
  ["websocket", "json"],
  ["websocket", "protobuf"],
  ["http_stream", "json"],
  ["http_stream", "protobuf"],
  ["sse", "json"],
];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A hub with `config`, a proxy of it, and clients of the encoding in a page that connect through the proxy. */
class Trial {
  static async start(t, [transport, encoding], config = CONFIG) {
    const server = await hub(t, { config });
    const network = await proxy(t, server);
    const page = await centrifugePage(t, browser, network, encoding);
    return Object.assign(new Trial(), { t, server, network, page, transport });
  }

  /** The options of a client. */
  of(options) {
    const url = (transport) => (transport === "websocket" ? this.network.ws : this.network.http);
    const at = (transport) => ({ transport, endpoint: url(transport)(`/connection/${transport}`) });
    return { endpoint: [at(this.transport)], emulationEndpoint: this.network.http("/emulation"), ...options };
  }

  async connected(user, options) {
    const claims = { sub: user, info: { name: `user ${user}` } };
    const client = await this.page.connected(this.of({ token: token(claims), ...options }));
    assert.equal(client.transport, this.transport);
    return client;
  }

  /** Publishes, and returns the position. */
  publish(data, channel = "chat:tea") {
    return api(this.server, "publish", { channel, data });
  }
}

const SCENARIOS = {
  async "publications, presence, joins, leaves and history"(start) {
    const trial = await start();
    const ann = await trial.connected("ann");
    const anns = await ann.subscribed("chat:tea", { joinLeave: true });
    const bob = await trial.connected("bob");
    const bobs = await bob.subscribed("chat:tea");
    for (const user of ["ann", "bob"]) assert.equal((await anns.next("join")).info.user, user);
    await anns.call("publish", { text: "hello" });
    await bob.call("publish", "chat:tea", { text: "hi" });
    await trial.publish({ text: "It rains" });
    for (const subscription of [anns, bobs]) {
      for (const [index, [text, user]] of [["hello", "ann"], ["hi", "bob"], ["It rains"]].entries()) {
        const { data, offset, info } = await subscription.next("publication");
        assert.deepEqual([data, offset, info?.user], [{ text }, index + 1, user]);
      }
    }
    const { clients } = await anns.call("presence");
    const present = Object.values(clients).map(({ user, connInfo }) => [user, connInfo.name]);
    assert.deepEqual(present.sort(), [["ann", "user ann"], ["bob", "user bob"]]);
    assert.deepEqual(await anns.call("presenceStats"), { numClients: 2, numUsers: 2 });
    const { publications, offset, epoch } = await anns.call("history", { limit: 2, reverse: true });
    assert.deepEqual([publications.map(({ data }) => data.text), offset], [["It rains", "hi"], 3]);
    const page = await bobs.call("history", { limit: 1, since: { offset: 1, epoch } });
    assert.deepEqual(page.publications.map(({ data }) => data.text), ["hi"]);
    await bobs.call("unsubscribe");
    assert.equal((await anns.next("leave")).info.user, "bob");
  },

  async "what is not allowed is an error, and the connection goes on"(start) {
    const trial = await start();
    const ann = await trial.connected("ann");
    await assert.rejects(ann.call("rpc", "add", [1, 2]), { code: 108 });
    await assert.rejects(ann.call("publish", "chat:tea", 1), { code: 103 });
    await assert.rejects(ann.call("publish", "nowhere:tea", 1), { code: 102 });
    await assert.rejects(ann.call("history", "chat:tea", { limit: 1 }), { code: 103 });
    const tea = await ann.subscribed("chat:tea");
    await tea.call("publish", "after all of that");
    assert.equal((await tea.next("publication")).data, "after all of that");
    assert.equal(await ann.count("connecting"), 1);
  },

  async "after the network was cut, each publication arrives once and in order"(start) {
    const trial = await start();
    const ann = await trial.connected("ann");
    const tea = await ann.subscribed("chat:tea", { recoverable: true });
    let published = 0;
    for (let cut = 0; cut < 3; cut += 1) {
      for (let count = 0; count < 10; count += 1) await trial.publish(published++);
      trial.network.cut();
      for (let count = 0; count < 10; count += 1) await trial.publish(published++);
      const { wasRecovering, recovered } = await tea.next("subscribed");
      assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: true });
    }
    await trial.publish(published++);
    for (let number = 0; number < published; number += 1) {
      const { data, offset } = await tea.next("publication");
      assert.deepEqual([data, offset], [number, number + 1]);
    }
    await ann.call("disconnect");
    await trial.publish(published);
    await api(trial.server, "history_remove", { channel: "chat:tea" });
    await ann.call("connect");
    const { wasRecovering, recovered } = await tea.next("subscribed");
    assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: false });
  },

  async "tokens are replaced when they expire, and before"(start) {
    const trial = await start();
    const tokenOf = (claims, ttl) => token({ sub: "ann", ...claims }, ttl);
    const tokens = [tokenOf({}, -10), tokenOf({}, 2), tokenOf({}, 600)];
    const ann = await trial.connected("ann", { token: "", tokens });
    const channel = "$chat:secret";
    const secret = await ann.subscribed(channel, { tokens: [tokenOf({ channel }, 2), tokenOf({ channel }, 600)] });
    for (const asking of [ann, ann, ann, secret, secret]) await asking.next("token");
    await secret.call("publish", "still here");
    assert.equal((await secret.next("publication")).data, "still here");
    assert.deepEqual([await ann.count("connected"), await secret.count("subscribed")], [1, 1]);
  },

  async "the back end subscribes, unsubscribes and disconnects"(start) {
    const trial = await start();
    const ann = await trial.connected("ann");
    const tea = await ann.subscribed("chat:tea");
    const act = (method, params) => api(trial.server, method, { user: "ann", ...params });
    await act("unsubscribe", { channel: "chat:tea" });
    assert.equal((await tea.next("unsubscribed")).code, 2000);
    await act("subscribe", { channel: "chat:pushed" });
    assert.equal((await ann.next("subscribed")).channel, "chat:pushed");
    await act("disconnect", { disconnect: { code: 4000, reason: "come back" } });
    await ann.next("connecting");
    const { code, reason } = await ann.next("connecting");
    assert.deepEqual({ code, reason }, { code: 4000, reason: "come back" });
    await ann.next("connected");
    await act("disconnect", { disconnect: { code: 4500, reason: "go" } });
    assert.deepEqual(await ann.next("disconnected"), { code: 4500, reason: "go" });

    const wrong = await trial.page.client(trial.of({ token: `${token({ sub: "ann" })}x` }));
    await wrong.call("connect");
    assert.equal((await wrong.next("disconnected")).code, 3500);
  },

  async "subscriptions of the token are on the server's side, and recover"(start) {
    const trial = await start(CONFIG.replace("on_request", "forced"));
    const ann = await trial.connected("ann", { token: token({ sub: "ann", channels: ["chat:tea"] }) });
    assert.equal((await ann.next("subscribed")).channel, "chat:tea");
    await trial.publish(1);
    assert.equal((await ann.next("publication")).data, 1);
    trial.network.cut();
    await trial.publish(2);
    const { channel, wasRecovering, recovered } = await ann.next("subscribed");
    const expected = { channel: "chat:tea", wasRecovering: true, recovered: true };
    assert.deepEqual({ channel, wasRecovering, recovered }, expected);
    const { data, offset } = await ann.next("publication");
    assert.deepEqual([data, offset], [2, 2]);
    await api(trial.server, "unsubscribe", { user: "ann", channel: "chat:tea" });
    assert.equal((await ann.next("unsubscribed")).channel, "chat:tea");
  },

  async "deltas bring the same publications in fewer bytes"(start) {
    // Compression would save them, too.
    const trial = await start(`compression = false\n${CONFIG}`);
    const ann = await trial.connected("ann");
    const tea = await ann.subscribed("chat:tea", { delta: "fossil" });
    const [large, count] = [randomBytes(3000).toString("base64"), 20];
    const before = trial.network.received();
    for (let number = 0; number < count; number += 1) {
      await trial.publish({ large, number });
      assert.deepEqual((await tea.next("publication")).data, { large, number });
    }
    const bytes = trial.network.received() - before;
    assert.ok(bytes > large.length && bytes < 3 * large.length, `${bytes} bytes for ${count} of ${large.length}`);
  },

  async "after a shutdown, clients return to the server that is started next"(start) {
    const trial = await start();
    const ann = await trial.connected("ann");
    const tea = await ann.subscribed("chat:tea", { recoverable: true });
    await ann.next("connecting");
    assert.equal(await trial.server.stop(), 0);
    assert.equal((await ann.next("connecting")).code, 3001);
    trial.server = await hub(trial.t, { port: trial.server.port });
    const { wasRecovering, recovered } = await tea.next("subscribed");
    assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: false });
    await trial.publish("after the restart");
    assert.equal((await tea.next("publication")).data, "after the restart");
  },
};

for (const [transport, encoding] of TRANSPORTS) {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    test(`${transport}, ${encoding}: ${name}`, (t) => {
      return scenario((config) => Trial.start(t, [transport, encoding], config));
    });
  }
}

for (const [missing, there] of [["webtransport", "websocket"], ["websocket", "http_stream"], ["websocket", "sse"]]) {
  test(`a client that finds no ${missing} takes ${there}`, async (t) => {
    const trial = await Trial.start(t, [there, "json"]);
    const { endpoint: [second], ...options } = trial.of({ token: token({ sub: "ann" }) });
    const elsewhere = { webtransport: second.endpoint.replace("ws:", "https:"), websocket: trial.network.ws("/nowhere") };
    const first = { transport: missing, endpoint: elsewhere[missing] };
    const ann = await trial.page.connected({ endpoint: [first, second], ...options });
    assert.equal(ann.transport, there);
    const tea = await ann.subscribed("chat:tea");
    await tea.call("publish", "hello");
    assert.equal((await tea.next("publication")).data, "hello");
  });
}
