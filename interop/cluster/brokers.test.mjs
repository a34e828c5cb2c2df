// The broker of several nodes restarts, fails over, and fills up.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { folder, freePort, until } from "../support/background.mjs";
import { Load } from "../support/cluster-load.mjs";
import { Cluster } from "../support/cluster.mjs";
import { certificates } from "../support/environment.mjs";
import { ENGINES, redis, sentinel, nats } from "../support/engines.mjs";
import { API_KEY } from "../support/hub.mjs";
import { Program } from "../support/program.mjs";

/** A pair of keys that is only in this file. */
const NKEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const NKEY_SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

const times = (count, value) => Array.from({ length: count }, () => value);

const areReady = async (cluster) => (await Promise.all(cluster.nodes.map((node) => node.isReady()))).every(Boolean);

for (const [kind, start] of Object.entries(ENGINES)) {
  test(`${kind}: the broker restarts, and everything resumes by itself`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()));
    const load = await Load.start(t, cluster);
    await engine.stop();
    await until(async () => !(await areReady(cluster)), "nodes that are not ready");
    await engine.start();
    await until(() => areReady(cluster), "nodes that are ready");
    await load.settle();
    // Redis may have lost the last second, as far as nodes can know.
    const told = load.watchers.map(({ toldAgain }) => toldAgain);
    assert.ok(told.every((times) => (kind === "redis" ? times > 0 : times === 0)), `${told}`);
    await load.presenceIsRight();
    await load.leave();
  });
}

for (const [kind, start] of Object.entries(ENGINES)) {
  test(`${kind}: without the broker each node goes on alone, and together again when it is back`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(3, engine.url()), 'when_down = "alone"\nalone_after = "2s"');
    const load = await Load.ofNodes(t, cluster);
    const areAlone = async (expected) =>
      (await Promise.all(cluster.nodes.map((node) => node.figure("longwire_broker_alone")))).every((alone) => alone === expected);
    await engine.stop();
    await until(() => areAlone(1), "nodes that are alone");
    assert.ok(await areReady(cluster), "they take clients");
    // The clients of each node get what is published there.
    await load.flows();
    const own = load.watchers.filter((_, number) => number % 2 === 0);
    const newest = load.publishers.map(({ acknowledged }) => Math.max(...acknowledged.keys()));
    await until(() => own.every(({ seen }, number) => seen.at(-1)?.data >= newest[number]), "publications on a node that is alone");
    await engine.start();
    await until(() => areAlone(0), "nodes that are together");
    await load.settle();
    const told = load.watchers.map(({ toldAgain }) => toldAgain);
    assert.ok(told.every((times) => times >= 2), `when they parted and when they met again: ${told}`);
    await load.leave();
  });
}

test("redis: a node with a wrong password ends with an error, and one with the right password starts", async (t) => {
  const engine = await redis(t, ["requirepass secret-of-the-broker"]);
  const wrong = new Program(t, ["serve", "--listen", "127.0.0.1:0", "--config", passwordFile(t, engine, "wrong")]);
  assert.equal(await wrong.exit(), 1);
  assert.match(wrong.stderr, /\[broker\]: .*refuses the user or the password/);
  assert.doesNotMatch(wrong.stderr, /secret-of-the-broker/);
  await Cluster.start(t, "redis", times(2, engine.url()), 'password = "secret-of-the-broker"');
});

/** The files of `[broker]` for a broker that asks for a certificate. */
const files = ({ ca, cert, key }) => `ca = "${ca}"\ncertificate = "${cert}"\nkey = "${key}"`;

test("redis: nodes trust the authority that is named, and show their certificate", async (t) => {
  const { ca, cert, key } = certificates();
  const port = await freePort();
  await redis(t, [`tls-port ${port}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`, `tls-ca-cert-file ${ca}`, "tls-auth-clients yes"]);
  const urls = times(2, `rediss://127.0.0.1:${port}`);
  const load = await Load.start(t, await Cluster.start(t, "redis", urls, `${files(certificates())}\nping_interval = "1s"`), { channels: 1 });
  await load.hasArrived();
  await load.leave();
});

test("nats: nodes show their certificate and their nkey, and store in memory what fits", async (t) => {
  const { ca, cert, key } = certificates();
  const http = await freePort();
  const engine = await nats(t, "64MB", [
    `http: "127.0.0.1:${http}"`,
    `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`,
    `authorization { users: [{ nkey: ${NKEY} }] }`,
  ]);
  const more = `nkey = "${NKEY_SEED}"\nstorage = "memory"\nstream_bytes = "8MiB"\nping_interval = "1s"\ncheck_interval = "5s"`;
  const load = await Load.start(t, await Cluster.start(t, "nats", times(2, engine.url()), `${files(certificates())}\n${more}`), { channels: 1 });
  await load.hasArrived();
  const found = await fetch(`http://127.0.0.1:${http}/jsz?streams=true&config=true`).then((answer) => answer.json());
  const configs = found.account_details.flatMap(({ stream_detail: details }) => details.map(({ config }) => config));
  assert.ok(configs.length > 0 && configs.every(({ storage }) => storage === "memory"), JSON.stringify(configs));
  assert.ok(configs.some(({ max_bytes: bytes }) => bytes === 8 << 20), JSON.stringify(configs));
  await load.leave();
});

/** A configuration with this password. */
function passwordFile(t, engine, password) {
  const file = join(folder(t), "longwire.toml");
  writeFileSync(file, `[broker]\ntype = "redis"\nurls = ["${engine.url()}"]\npassword = "${password}"\n`);
  return file;
}

test("redis: a replica takes over, and clients are told where something may be missing", async (t) => {
  const master = await redis(t);
  const replica = await redis(t, [`replicaof 127.0.0.1 ${master.port}`]);
  const watch = await sentinel(t, master.port);
  const broker = 'sentinel_master = "cluster"';
  const cluster = await Cluster.start(t, "redis", times(3, `redis://127.0.0.1:${watch.port}`), broker);
  await until(() => replica.output.includes("MASTER <-> REPLICA sync: Finished"), "a replica", () => replica.output);
  const load = await Load.start(t, cluster);
  await master.kill();
  await until(() => replica.output.includes("MASTER MODE enabled"), "a new master", () => watch.output);
  await load.settle();
  assert.ok(load.watchers.every(({ toldAgain }) => toldAgain > 0), "all are told");
  await load.leave();
});

/** Publishes what is long until it is refused. The code of the error. */
async function fill(cluster) {
  const data = "x".repeat(60_000);
  for (let count = 0; count < 5_000; count++) {
    const answer = await fetch(cluster.http("/api/publish"), {
      method: "POST",
      headers: { "X-API-Key": API_KEY },
      body: JSON.stringify({ channel: `kept:fill-${count % 10}`, data }),
    }).then((found) => found.json());
    if (answer.error) return answer.error.code;
  }
  return undefined;
}

const FULL = {
  redis: (t) => redis(t, ["maxmemory 24mb", "maxmemory-policy noeviction"]),
  nats: (t) => nats(t, "32MB"),
};

for (const [kind, start] of Object.entries(FULL)) {
  test(`${kind}: a full broker refuses publications, and what was acknowledged arrives`, async (t) => {
    const engine = await start(t);
    const cluster = await Cluster.start(t, kind, times(2, engine.url()));
    const load = await Load.start(t, cluster, { channels: 1 });
    assert.ok([100, 106].includes(await fill(cluster)), "a publication is refused with an error");
    await load.hasArrived();
    await load.leave();
  });
}
