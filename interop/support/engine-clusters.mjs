// A Redis Cluster and a cluster of NATS, started for a test.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { Background, folder, freePort, until } from "./background.mjs";

const SLOTS = [[0, 5460], [5461, 10922], [10923, 16383]];

const run = promisify(execFile);

/** A server of a Redis Cluster. */
class RedisServer extends Background {
  static async start(t) {
    const [dir, port, bus] = [folder(t), await freePort(), await freePort()];
    const lines = [`port ${port}`, "bind 127.0.0.1", `dir ${dir}`, 'save ""', "appendonly yes", "appendfsync always"];
    lines.push("cluster-enabled yes", `cluster-port ${bus}`, "cluster-node-timeout 1000", "");
    const file = join(dir, "redis.conf");
    writeFileSync(file, lines.join("\n"));
    const server = Object.assign(new RedisServer(t, ["redis-server", file], port), { bus });
    await server.start();
    return server;
  }

  /** What a command answers, as text. */
  async ask(...command) {
    const { stdout } = await run("redis-cli", ["-p", this.port, ...command.map(String)]);
    assert.doesNotMatch(stdout, /^(ERR|CLUSTERDOWN|IOERR)/, command.join(" "));
    return stdout.trim();
  }

  async askUntil(command, wanted) {
    let last;
    await until(async () => wanted.test((last = await this.ask(...command).catch(String))), command.join(" "), () => `: ${last}`);
  }
}

/** A Redis Cluster of three masters, and a replica of the first of them. */
export class RedisCluster {
  static async start(t) {
    const cluster = new RedisCluster();
    cluster.servers = await Promise.all([0, 1, 2, 3].map(() => RedisServer.start(t)));
    const [first, , , replica] = cluster.servers;
    for (const [number, server] of cluster.servers.entries()) {
      await server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1);
      if (number < SLOTS.length) await server.ask("CLUSTER", "ADDSLOTSRANGE", ...SLOTS[number]);
      await server.ask("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus);
    }
    for (const server of cluster.servers) await server.askUntil(["CLUSTER", "INFO"], /cluster_known_nodes:4/);
    const id = await first.ask("CLUSTER", "MYID");
    await replica.askUntil(["CLUSTER", "REPLICATE", id], /OK/);
    await replica.askUntil(["ROLE"], /connected/);
    for (const server of cluster.servers) await server.askUntil(["CLUSTER", "INFO"], /cluster_state:ok/);
    return cluster;
  }

  /** The first of these is the one that tests kill. */
  get url() {
    return `redis://127.0.0.1:${this.servers[1].port}`;
  }

  /** The master that has a channel. */
  async master(channel) {
    const slot = Number(await this.servers[0].ask("CLUSTER", "KEYSLOT", channel));
    return SLOTS.findIndex(([from, to]) => slot >= from && slot <= to);
  }

  /** Moves the slot of a channel to the next master, as `redis-cli --cluster reshard` does. */
  async moveOn(channel) {
    const slot = await this.servers[0].ask("CLUSTER", "KEYSLOT", channel);
    const number = await this.master(channel);
    const [from, to] = [this.servers[number], this.servers[(number + 1) % SLOTS.length]];
    const [old, next] = [await from.ask("CLUSTER", "MYID"), await to.ask("CLUSTER", "MYID")];
    await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", old);
    await from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", next);
    const keys = () => from.ask("CLUSTER", "GETKEYSINSLOT", slot, 100);
    for (let found = await keys(); found !== ""; found = await keys()) {
      await from.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...found.split("\n"));
    }
    for (const server of [to, from, ...this.servers.slice(0, 3)]) await server.ask("CLUSTER", "SETSLOT", slot, "NODE", next);
  }
}

/** Three servers of NATS. */
export class NatsCluster {
  static async start(t) {
    const cluster = new NatsCluster();
    const routes = [await freePort(), await freePort(), await freePort()];
    const all = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
    cluster.servers = await Promise.all(
      routes.map(async (route, number) => {
        const [dir, port, http] = [folder(t), await freePort(), await freePort()];
        const file = join(dir, "nats.conf");
        const lines = [`listen: "127.0.0.1:${port}"`, `http: "127.0.0.1:${http}"`, `server_name: s${number}`];
        lines.push(`jetstream { store_dir: "${dir}" }`, `cluster { name: c, listen: "127.0.0.1:${route}", routes: [${all}] }`);
        writeFileSync(file, lines.join("\n"));
        return Object.assign(await new Background(t, ["nats-server", "-c", file], port).start(), { http });
      }),
    );
    await until(async () => (await cluster.#leader()) !== undefined, "a cluster of NATS with a leader");
    return cluster;
  }

  get urls() {
    return this.servers.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  async #leader() {
    const { meta_cluster: meta } = await fetch(`http://127.0.0.1:${this.servers[0].http}/jsz`).then((found) => found.json());
    return meta?.leader || undefined;
  }

  /** The server that leads a stream. */
  async leaderOf(name) {
    const found = await fetch(`http://127.0.0.1:${this.servers[0].http}/jsz?streams=true`).then((answer) => answer.json());
    const streams = found.account_details.flatMap(({ stream_detail: details }) => details);
    const { leader } = streams.find((stream) => stream.name === name).cluster;
    return this.servers[Number(leader.slice(1))];
  }
}
