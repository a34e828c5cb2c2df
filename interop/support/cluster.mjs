// Several nodes of `longwire serve` behind HAProxy.

import { writeFileSync } from "node:fs";
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

  /** Nothing of clients that are gone is left on any node. */
  async isEmpty() {
    const names = ["longwire_hub_clients", "longwire_hub_channels", "longwire_hub_subscriptions"];
    names.push("longwire_broker_followed_channels", "longwire_broker_held_bytes");
    for (const node of this.nodes) {
      for (const name of names) {
        if ((await node.figure(name)) !== 0) return false;
      }
    }
    return true;
  }
}
