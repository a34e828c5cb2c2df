// The broker is a cluster itself, and loses a part of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Load } from "../support/cluster-load.mjs";
import { Cluster } from "../support/cluster.mjs";
import { NatsCluster, RedisCluster } from "../support/engine-clusters.mjs";

const times = (count, value) => Array.from({ length: count }, () => value);

const start = async (t) => {
  const engine = await RedisCluster.start(t);
  const cluster = await Cluster.start(t, "redis", times(3, engine.url), "cluster = true");
  return { engine, load: await Load.start(t, cluster, { channels: 6, watchers: 2 }) };
};

test("redis: a slot of a Cluster moves to another master, and nobody misses anything", async (t) => {
  const { engine, load } = await start(t);
  await engine.moveOn("kept:0");
  await load.settle();
  const others = load.watchers.filter(({ channel }) => channel !== "kept:0");
  assert.deepEqual(others.map(({ toldAgain }) => toldAgain), times(others.length, 0), "other channels go on");
  await load.presenceIsRight();
  await load.leave();
});

test("redis: a Cluster loses a master, and the channels of the others go on", async (t) => {
  const { engine, load } = await start(t);
  const masters = await Promise.all(load.names.map((channel) => engine.master(channel)));
  const [dead, , , replica] = engine.servers;
  await dead.kill();
  await replica.askUntil(["ROLE"], /^master/);
  await load.settle();
  assert.ok(masters.includes(0) && masters.some((master) => master !== 0), `${masters}`);
  for (const { channel, toldAgain } of load.watchers) {
    const isOfDead = masters[load.names.indexOf(channel)] === 0;
    assert.equal(toldAgain > 0, isOfDead, `${channel}: told ${toldAgain} times`);
  }
  await load.leave();
});

test("nats: the leader of a stream of three replicas is killed, and nobody misses anything", async (t) => {
  const engine = await NatsCluster.start(t);
  const cluster = await Cluster.start(t, "nats", times(3, engine.urls), "replicas = 3");
  const load = await Load.start(t, cluster);
  const leader = await engine.leaderOf("longwire-history-kept");
  await leader.kill();
  await load.flows();
  await leader.start();
  await load.settle();
  assert.equal(Math.max(...load.watchers.map(({ toldAgain }) => toldAgain)), 0, "everything is recovered");
  await load.presenceIsRight();
  await load.leave();
});
