// Several nodes of `longwire serve` behind HAProxy.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Background, folder, freePort, until } from "./background.mjs";
import { longwire } from "./environment.mjs";
import { API_KEY } from "./hub.mjs";

const CONFIG = `
[tokens]
hmac_secret = "a secret of the tests that has at least 32 bytes"

[api]
keys = ["${API_KEY}"]

[namespaces.kept]
presence = true
history = { size = 20000, ttl = "1h" }
recovery = "on_request"
max_page = 20000
subscribe = ["anonymous", "user"]
read_presence = ["subscriber"]
`;

/** Figures of `/metrics` that are 0 without clients. */
const OF_CLIENTS = ["clients", "users", "channels", "subscriptions", "open_questions", "waiting_bytes"].map((name) => `longwire_hub_${name}`);
OF_CLIENTS.push(...["followed_channels", "held_bytes", "calls_waiting"].map((name) => `longwire_broker_${name}`));

/** Health checks and scrapes come and go. */
const SLACK = 4;

/** A node. */
class Node extends Background {
  constructor(t, port, file) {
    super(t, [longwire(), "serve", "--listen", `127.0.0.1:${port}`, "--config", file, "--metrics", "--workers", "1"], port);
  }

  http(path) {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  ws(path) {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  async isReady() {
    return fetch(this.http("/health/ready")).then(({ ok }) => ok, () => false);
  }

  /** What a node has more of while it has clients. */
  async holdings() {
    const descriptors = readdirSync(`/proc/${this.pid}/fd`).length;
    return { tasks: await this.figure("longwire_tasks"), descriptors };
  }

  /** Its memory, in bytes. */
  get memory() {
    const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"));
    return Number(kibibytes) * 1_024;
  }

  /** The figure of `/metrics` with this name. */
  async figure(name) {
    const text = await fetch(this.http("/metrics")).then((answer) => answer.text());
    const line = text.split("\n").find((found) => found.startsWith(`${name} `));
    return Number(line?.split(" ")[1]);
  }
}

/** Nodes that share a broker, at the URLs of `urls`, one or several for each; `broker` are more lines of their configuration. */
export class Cluster {
  nodes = [];
  #atStart;

  static async start(t, kind, urls, broker = "") {
    const [cluster, dir] = [new Cluster(), folder(t)];
    for (const [number, url] of urls.entries()) {
      const file = join(dir, `${number}.toml`);
      const section = `[broker]\ntype = "${kind}"\nurls = ${JSON.stringify([url].flat())}\n${broker}`;
      writeFileSync(file, `node_name = "node-${number}"\n${CONFIG}\n${section}\n`);
      cluster.nodes.push(new Node(t, await freePort(), file));
    }
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await until(async () => (await Promise.all(cluster.nodes.map((node) => node.isReady()))).every(Boolean), "all nodes");
    const others = () => Promise.all(cluster.nodes.map((node) => node.figure("longwire_hub_other_nodes")));
    await until(async () => (await others()).every((count) => count === urls.length - 1), "nodes that know one another");
    cluster.#atStart = await Promise.all(cluster.nodes.map((node) => node.holdings()));
    cluster.port = await freePort();
    const file = join(dir, "haproxy.cfg");
    writeFileSync(file, cluster.#haproxy());
    await new Background(t, ["haproxy", "-db", "-f", file], cluster.port).start();
    return cluster;
  }

  #haproxy() {
    const servers = this.nodes.map(({ port }, number) => `  server node${number} 127.0.0.1:${port} check inter 500 fall 2 rise 1`);
    return `
defaults
  mode http
  timeout connect 2s
  timeout client 1m
  timeout server 1m
  timeout tunnel 1h
frontend clients
  bind 127.0.0.1:${this.port}
  default_backend nodes
backend nodes
  balance roundrobin
  option redispatch
  option httpchk GET /health/ready
${servers.join("\n")}
`;
  }

  http(path) {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  ws(path) {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** What the nodes hold of clients that are gone, and what they have more than at their start. Empty if that is nothing. */
  async leftovers() {
    const found = [];
    for (const [number, node] of this.nodes.entries()) {
      for (const name of OF_CLIENTS) {
        const figure = await node.figure(name);
        if (figure !== 0) found.push(`${name} ${figure} of node ${number}`);
      }
      const [now, before] = [await node.holdings(), this.#atStart[number]];
      for (const [name, count] of Object.entries(now)) {
        if (count > before[name] + SLACK) found.push(`${count} ${name} instead of ${before[name]} of node ${number}`);
      }
    }
    return found;
  }
}
