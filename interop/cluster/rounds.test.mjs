// The same failure again and again, after which nodes have no more than before.

import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "../support/background.mjs";
import { Load } from "../support/cluster-load.mjs";
import { Cluster } from "../support/cluster.mjs";
import { CuttableProxy } from "../support/cuttable-proxy.mjs";
import { ENGINES } from "../support/engines.mjs";

const ROUNDS = 3;

for (const [kind, start] of Object.entries(ENGINES)) {
  test(`${kind}: nodes that lose the broker again and again keep nothing of it`, async (t) => {
    const engine = await start(t);
    const proxy = await CuttableProxy.to(t, engine.port);
    const cluster = await Cluster.start(t, kind, [engine.url(proxy.port), engine.url()]);
    const [node] = cluster.nodes;
    const memory = [];
    for (let round = 0; round < ROUNDS; round++) {
      const load = await Load.start(t, cluster, { channels: 2, watchers: 6, name: `round-${round}-` });
      proxy.cut();
      await until(async () => !(await node.isReady()), "a node that is not ready");
      await load.flows();
      proxy.heal();
      await until(() => node.isReady(), "a node that is ready again");
      await load.settle();
      // Every round ends with what the nodes had at their start.
      await load.leave();
      memory.push(node.memory);
    }
    // The first round fills what is kept on purpose, such as buffers.
    assert.ok(memory.at(-1) - memory[0] < 32 << 20, `${memory}`);
  });
}
