// Several nodes on one broker: nodes die, stop, restart, and lose the broker.

import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "../support/background.mjs";
import { Load } from "../support/cluster-load.mjs";
import { Cluster } from "../support/cluster.mjs";
import { CuttableProxy } from "../support/cuttable-proxy.mjs";
import { ENGINES } from "../support/engines.mjs";

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

const times = (count, value) => Array.from({ length: count }, () => value);

for (const [kind, start] of Object.entries(ENGINES)) {
  test(`${kind}: a node is killed, and another takes its clients with all that was acknowledged`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()));
    const load = await Load.start(t, cluster);
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
}
