// The official JavaScript client of Centrifugo against `longwire serve`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { within } from "../support/deadline.mjs";
import { ENCODINGS, api, client, connected, event, hub, read, subscribed, token, write } from "../support/hub.mjs";

for (const encoding of ENCODINGS) {
  const as = (user, ttl) => ({ token: token({ sub: user, info: { name: `user ${user}` } }, ttl) });

  test(`${encoding}: a subscriber gets publications of clients and of the back end, in order`, async (t) => {
    const server = await hub(t);
    const ann = await connected(t, server, encoding, as("ann"));
    const bob = await connected(t, server, encoding, as("bob"));
    const [anns, bobs] = [await subscribed(ann, "chat:tea", encoding), await subscribed(bob, "chat:tea", encoding)];
    await anns.publish(write(encoding, { text: "hello" }));
    const { offset, epoch } = await api(server, "publish", { channel: "chat:tea", data: { text: "It rains" } });
    assert.ok(offset === 2 && epoch.length > 0);
    for (const { publications } of [anns, bobs]) {
      assert.deepEqual(await publications.next("publication"), { data: { text: "hello" }, offset: 1 });
      assert.deepEqual(await publications.next("publication"), { data: { text: "It rains" }, offset: 2 });
    }
  });

  test(`${encoding}: presence, joins and leaves, and history`, async (t) => {
    const server = await hub(t);
    const ann = await connected(t, server, encoding, as("ann"));
    const anns = await subscribed(ann, "chat:tea", encoding, { joinLeave: true });
    const bob = await connected(t, server, encoding, as("bob"));
    const joined = new Promise((resolve) => {
      anns.on("join", ({ info }) => info.user === "bob" && resolve(info));
    });
    const bobs = await subscribed(bob, "chat:tea", encoding);
    assert.deepEqual(read(encoding, (await joined).connInfo), { name: "user bob" });
    const { clients } = await anns.presence();
    assert.deepEqual(Object.values(clients).map(({ user }) => user).sort(), ["ann", "bob"]);
    assert.deepEqual(await anns.presenceStats(), { numClients: 2, numUsers: 2 });

    for (const number of [1, 2, 3]) await bobs.publish(write(encoding, number));
    const newest = await anns.history({ limit: 2, reverse: true });
    assert.deepEqual(newest.publications.map(({ data }) => read(encoding, data)), [3, 2]);
    assert.equal(newest.offset, 3);
    const { epoch } = newest;
    const page = await anns.history({ limit: 1, since: { offset: 1, epoch } });
    assert.deepEqual(page.publications.map(({ data }) => read(encoding, data)), [2]);

    const left = event(anns, "leave");
    bobs.unsubscribe();
    assert.equal((await left).info.user, "bob");
    assert.deepEqual(await anns.presenceStats(), { numClients: 1, numUsers: 1 });
  });

  test(`${encoding}: after its connection was cut, a client has each publication once and in order`, async (t) => {
    const server = await hub(t);
    const ann = await connected(t, server, encoding, as("ann"));
    const anns = await subscribed(ann, "chat:tea", encoding, { recoverable: true });
    const publish = (number) => api(server, "publish", { channel: "chat:tea", data: number });
    let published = 0;
    for (let cut = 0; cut < 5; cut++) {
      const recovered = event(anns, "subscribed");
      for (let count = 0; count < 20; count++) await publish(published++);
      ann.sockets.at(-1).terminate();
      for (let count = 0; count < 20; count++) await publish(published++);
      const answer = await recovered;
      assert.ok(answer.wasRecovering && answer.recovered, JSON.stringify(answer));
    }
    await publish(published++);
    for (let number = 0; number < published; number++) {
      assert.deepEqual(await anns.publications.next("publication"), { data: number, offset: number + 1 });
    }
  });

  test(`${encoding}: a position that cannot be continued is said`, async (t) => {
    const server = await hub(t);
    const ann = await connected(t, server, encoding, as("ann"));
    const anns = await subscribed(ann, "chat:tea", encoding, { recoverable: true });
    await api(server, "publish", { channel: "chat:tea", data: 1 });
    await anns.publications.next("publication");
    const again = event(anns, "subscribed");
    ann.disconnect();
    await api(server, "publish", { channel: "chat:tea", data: 2 });
    await api(server, "history_remove", { channel: "chat:tea" });
    ann.connect();
    const { wasRecovering, recovered } = await again;
    assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: false });
  });

  test(`${encoding}: what is not allowed is an error, and the connection goes on`, async (t) => {
    const server = await hub(t);
    const anonymous = await connected(t, server, encoding);
    for (const [channel, code] of [["chat:tea", 103], ["news", 103], ["nowhere:a", 102]]) {
      const subscription = anonymous.newSubscription(channel);
      const refused = event(subscription, "unsubscribed");
      subscription.subscribe();
      assert.equal((await refused).code, code, channel);
    }
    await assert.rejects(anonymous.rpc("add", write(encoding, [1, 2])), { code: 108 });
    await assert.rejects(anonymous.publish("chat:tea", write(encoding, 1)), { code: 103 });
    assert.equal(anonymous.state, "connected");
  });

  test(`${encoding}: a wrong token is refused for good`, async (t) => {
    const server = await hub(t);
    const made = client(t, server, encoding, { token: `${token({ sub: "ann" })}x` });
    const refused = event(made, "disconnected");
    made.connect();
    assert.equal((await refused).code, 3500);
  });

  test(`${encoding}: a client refreshes its token before it expires`, async (t) => {
    const server = await hub(t);
    let asked = 0;
    let renewed;
    const second = new Promise((resolve) => (renewed = resolve));
    const getToken = async () => {
      asked += 1;
      if (asked === 2) renewed();
      return token({ sub: "ann" }, asked === 1 ? 2 : 600);
    };
    const made = await connected(t, server, encoding, { getToken });
    let lost = 0;
    made.on("connecting", () => (lost += 1));
    const anns = await subscribed(made, "chat:tea", encoding);
    await within(second, "request for another token");
    await anns.publish(write(encoding, 1));
    assert.deepEqual({ asked, lost }, { asked: 2, lost: 0 });
  });

  test(`${encoding}: the server subscribes, unsubscribes and disconnects`, async (t) => {
    const server = await hub(t);
    const made = client(t, server, encoding, { token: token({ sub: "ann", channels: ["chat:tea"] }) });
    const subscribed = event(made, "subscribed");
    const published = event(made, "publication");
    made.connect();
    assert.equal((await subscribed).channel, "chat:tea");
    await api(server, "publish", { channel: "chat:tea", data: "hello" });
    assert.equal(read(encoding, (await published).data), "hello");
    const unsubscribed = event(made, "unsubscribed");
    await api(server, "unsubscribe", { user: "ann", channel: "chat:tea" });
    assert.equal((await unsubscribed).channel, "chat:tea");
    const disconnected = event(made, "disconnected");
    await api(server, "disconnect", { user: "ann" });
    assert.equal((await disconnected).code, 3503);
  });

  test(`${encoding}: a subscription takes the place of one that the token has made, also after a cut`, async (t) => {
    const server = await hub(t);
    const made = client(t, server, encoding, { token: token({ sub: "ann", channels: ["$news"] }) });
    const news = made.newSubscription("$news");
    const seen = [];
    news.on("publication", ({ data }) => seen.push(read(encoding, data)));
    const subscribed = event(news, "subscribed");
    news.subscribe();
    made.connect();
    await subscribed;
    const first = event(news, "publication");
    await api(server, "publish", { channel: "$news", data: "It rains" });
    await first;
    const again = event(news, "subscribed");
    made.sockets.at(-1).terminate();
    await again;
    const second = event(news, "publication");
    await api(server, "publish", { channel: "$news", data: "It snows" });
    await second;
    assert.deepEqual(seen, ["It rains", "It snows"]);
    const gone = event(news, "unsubscribed");
    await api(server, "unsubscribe", { user: "ann", channel: "$news" });
    assert.equal((await gone).code, 2000);
  });

  test(`${encoding}: a shutdown sends clients away with a code with which they return`, async (t) => {
    const server = await hub(t);
    const made = await connected(t, server, encoding);
    const gone = event(made, "connecting");
    assert.equal(await server.stop(), 0);
    assert.equal((await gone).code, 3001);
  });
}
