// What happens to several nodes on one broker: they die, stop, restart, and lose the broker.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventSource } from "eventsource";

import { until } from "./background.mjs";
import { Load } from "./cluster-load.mjs";
import { Cluster } from "./cluster.mjs";
import { CuttableProxy } from "./cuttable-proxy.mjs";
import { ENGINES } from "./engines.mjs";
import { API_KEY, connected, event, subscribed, token } from "./hub.mjs";

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

const times = (count, value) => Array.from({ length: count }, () => value);

/** The tests with a broker of this kind. */
export function nodeTests(kind) {
  const start = ENGINES[kind];
  test(`${kind}: a node is killed, and another takes its clients with all that was acknowledged`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()));
    const load = await Load.start(t, cluster);
    assert.ok((await cluster.nodes[0].figure("longwire_hub_clients")) > 0, "it has clients");
    await cluster.nodes[0].kill();
    await load.flows();
    await cluster.nodes[0].start();
    await load.settle();
    assert.equal(Math.max(...load.watchers.map(({ toldAgain }) => toldAgain)), 0, "everything is recovered");
    await load.presenceIsRight();
    await load.leave();
  });

  test(`${kind}: a node that was stopped for ten seconds goes on with all that was acknowledged`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()));
    const load = await Load.start(t, cluster);
    cluster.nodes[1].signal("SIGSTOP");
    await sleep(10_000);
    cluster.nodes[1].signal("SIGCONT");
    await load.settle();
    await load.leave();
  });

  test(`${kind}: nodes restart one after another, and nobody misses anything`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()));
    const load = await Load.start(t, cluster);
    for (const node of cluster.nodes) {
      await node.stop();
      const others = cluster.nodes.filter((other) => other !== node);
      const forgotten = async () => (await Promise.all(others.map((other) => other.figure("longwire_hub_other_nodes")))).every((count) => count === 1);
      await until(forgotten, "a goodbye");
      await node.start();
      await until(() => node.isReady(), "a ready node");
      await load.flows();
    }
    await load.settle();
    assert.equal(Math.max(...load.watchers.map(({ toldAgain }) => toldAgain)), 0, "everything is recovered");
    await load.leave();
  });

  test(`${kind}: a node that loses the broker says so, keeps its clients, and catches up`, async (t) => {
    const engine = await start(t);
    const proxy = await CuttableProxy.to(t, engine.port);
    const cluster = await Cluster.start(t, kind, [engine.url(proxy.port), engine.url(), engine.url()]);
    const load = await Load.start(t, cluster);
    const [node] = cluster.nodes;
    const clients = await node.figure("longwire_hub_clients");
    proxy.cut();
    await until(async () => !(await node.isReady()), "a node that is not ready");
    assert.equal(await node.figure("longwire_broker_up"), 0);
    assert.equal(await node.figure("longwire_hub_clients"), clients, "clients stay");
    await load.flows();
    proxy.heal();
    await until(() => node.isReady(), "a node that is ready again");
    await load.settle();
    assert.ok((await node.figure("longwire_broker_interruptions_total")) > 0);
    await load.leave();
  });

  test(`${kind}: clients without WebSocket send their commands to any node, and the back end asks any`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()));
    const users = await Promise.all(
      times(6).map(async (_, number) => {
        const client = await connected(t, cluster, "json", {
          endpoint: [{ transport: "sse", endpoint: cluster.http("/connection/sse") }],
          emulationEndpoint: cluster.http("/emulation"),
          eventsource: EventSource,
          token: token({ sub: `user ${number}` }),
        });
        return Object.assign(client, { news: await subscribed(client, "kept:news", "json") });
      }),
    );
    const ask = async (node, method, params) => {
      const headers = { "X-API-Key": API_KEY };
      const answer = await fetch(node.http(`/api/${method}`), { method: "POST", headers, body: JSON.stringify(params) });
      return (await answer.json()).result;
    };
    const [first] = cluster.nodes;
    await ask(first, "publish", { channel: "kept:news", data: "hello" });
    for (const { news } of users) assert.equal((await news.publications.next("publication")).data, "hello");
    for (const node of cluster.nodes) {
      assert.deepEqual((await ask(node, "channels", {})).channels, { "kept:news": { num_clients: 6 } });
      assert.deepEqual((await ask(node, "info", {})).nodes.map(({ name }) => name).sort(), ["node-0", "node-1", "node-2"]);
    }
    const ends = users.map((client) => event(client, "disconnected"));
    for (const number of users.keys()) await ask(first, "disconnect", { user: `user ${number}` });
    for (const end of ends) assert.equal((await end).code, 3503);
    let left = [];
    await until(async () => (left = await cluster.leftovers()).length === 0, "nodes without clients", () => `: ${left.join(", ")}`);
  });
}
