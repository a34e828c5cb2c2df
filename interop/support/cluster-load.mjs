// Publishers and subscribers of a cluster, and what must be true of what they have seen.

import assert from "node:assert/strict";

import { until } from "./background.mjs";
import { API_KEY, client } from "./hub.mjs";

/** The pause between two publications of a channel, in milliseconds. */
const PAUSE = 10;

/** How long a publisher waits for an answer before it asks another node. */
const ANSWER_TIME = 8_000;

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Publishes numbers to a channel, one after the other, each until it is answered with success. */
class Publisher {
  /** By number: the position of its publication. */
  acknowledged = new Map();
  #isOver = false;
  #done;

  constructor(cluster, channel) {
    this.cluster = cluster;
    this.channel = channel;
    this.#done = this.#run();
  }

  async #run() {
    for (let number = 1; !this.#isOver; number++) {
      await this.publish(number);
      await sleep(PAUSE);
    }
  }

  async publish(number) {
    // The key lets a publication whose answer was lost be tried again.
    const body = JSON.stringify({ channel: this.channel, data: number, idempotency_key: `${this.channel} ${number}` });
    while (true) {
      try {
        const answer = await fetch(this.cluster.http("/api/publish"), {
          method: "POST",
          headers: { "X-API-Key": API_KEY },
          body,
          signal: AbortSignal.timeout(ANSWER_TIME),
        });
        const { result } = await answer.json();
        if (result) return this.acknowledged.set(number, result);
      } catch {
        // A node or the broker is gone.
      }
      if (this.#isOver) return undefined;
      await sleep(50);
    }
  }

  /** Publishes no more; what is under way is answered or given up. */
  async end() {
    this.#isOver = true;
    await this.#done;
  }
}

/** A subscriber of a channel, which comes back by itself. */
class Watcher {
  /** What it has seen, in order: publications, and `"told"` where it learned that something may be missing. */
  seen = [];

  constructor(t, cluster, channel, user) {
    this.channel = channel;
    this.client = client(t, cluster, "json", { maxReconnectDelay: 500, timeout: 3_000 });
    this.subscription = this.client.newSubscription(channel, { recoverable: true, minResubscribeDelay: 50, maxResubscribeDelay: 500 });
    this.subscription.on("publication", ({ data, offset }) => this.seen.push({ data, offset }));
    this.subscription.on("subscribed", ({ wasRecovering, recovered }) => {
      if (!wasRecovering || !recovered) this.seen.push("told");
    });
    this.subscription.on("error", () => {});
    this.client.on("error", () => {});
    this.subscription.subscribe();
    this.client.connect();
  }

  get isSubscribed() {
    return this.subscription.state === "subscribed";
  }

  /** How often it has learned that something may be missing, after the first time, when it subscribed. */
  get toldAgain() {
    return this.seen.filter((entry) => entry === "told").length - 1;
  }

}

/**
 * What a subscriber has seen between two publications is everything that was acknowledged, each once and in order, unless it was
 * told. `acknowledged` has the numbers.
 */
export function check(seen, acknowledged) {
  let last;
  for (const entry of seen) {
    if (entry === "told") {
      last = undefined;
      continue;
    }
    if (last !== undefined) {
      const where = `${JSON.stringify(last)} before ${JSON.stringify(entry)}`;
      assert.equal(entry.offset, last.offset + 1, `offsets, ${where}`);
      assert.ok(entry.data > last.data, `order, ${where}`);
      for (let number = last.data + 1; number < entry.data; number++) {
        assert.ok(!acknowledged.has(number), `${number} was acknowledged and is missing, ${where}`);
      }
    }
    last = entry;
  }
}

/** Publishers and watchers of some channels. */
export class Load {
  constructor(t, cluster, { channels = 3, watchers = 4, name = "" } = {}) {
    this.cluster = cluster;
    const names = Array.from({ length: channels }, (_, number) => `kept:${name}${number}`);
    this.watchers = names.flatMap((channel) => Array.from({ length: watchers }, () => new Watcher(t, cluster, channel)));
    this.names = names;
  }

  /** Begins to publish when all are subscribed. */
  static async start(t, cluster, options) {
    const load = new Load(t, cluster, options);
    await until(() => load.watchers.every(({ isSubscribed }) => isSubscribed), "subscriptions");
    load.publishers = load.names.map((channel) => new Publisher(cluster, channel));
    await load.flows();
    return load;
  }

  /** For each node a channel, to which only that node's API publishes. It has a watcher on that node, and one on the next. */
  static async ofNodes(t, cluster) {
    const load = new Load(t, cluster, { channels: 0 });
    const { nodes } = cluster;
    load.names = nodes.map((_, number) => `kept:of-${number}`);
    const places = (number) => [nodes[number], nodes[(number + 1) % nodes.length]];
    load.watchers = load.names.flatMap((channel, number) => places(number).map((node) => new Watcher(t, node, channel)));
    await until(() => load.watchers.every(({ isSubscribed }) => isSubscribed), "subscriptions");
    load.publishers = load.names.map((channel, number) => new Publisher(nodes[number], channel));
    await load.flows();
    return load;
  }

  get acknowledged() {
    return this.publishers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  /** Waits until every channel has twenty publications more. */
  async flows() {
    const before = this.publishers.map(({ acknowledged }) => acknowledged.size);
    const goesOn = ({ acknowledged }, index) => acknowledged.size >= before[index] + 20;
    await until(() => this.publishers.every(goesOn), "publications that are acknowledged");
  }

  /** As `hasArrived`, once publications are acknowledged again, and reach every watcher. */
  async settle() {
    await this.flows();
    const newest = new Map(this.publishers.map(({ channel, acknowledged }) => [channel, Math.max(...acknowledged.keys())]));
    const goesOn = ({ channel, seen }) => seen.at(-1)?.data >= newest.get(channel);
    await until(() => this.watchers.every(goesOn), "publications at every subscriber");
    await this.hasArrived();
  }

  /** Ends publishing, waits until every watcher has what came last, and checks what all have seen. */
  async hasArrived() {
    await Promise.all(this.publishers.map((publisher) => publisher.end()));
    const newest = (publisher) => Math.max(...publisher.acknowledged.keys());
    const publisher = (watcher) => this.publishers.find(({ channel }) => channel === watcher.channel);
    const hasAll = (watcher) => watcher.isSubscribed && watcher.seen.at(-1)?.data >= newest(publisher(watcher));
    const missing = () => {
      const late = this.watchers.filter((watcher) => !hasAll(watcher));
      return late.map((watcher) => ` ${watcher.channel} ${watcher.subscription.state} ${JSON.stringify(watcher.seen.at(-1))} of ${newest(publisher(watcher))}`).join(",");
    };
    await until(() => this.watchers.every(hasAll), "the newest publication at every subscriber", missing);
    for (const watcher of this.watchers) check(watcher.seen, publisher(watcher).acknowledged);
  }

  /** Waits until presence names exactly those who are there. */
  async presenceIsRight() {
    const expected = (channel) =>
      this.watchers.filter((watcher) => watcher.channel === channel).map((watcher) => watcher.client._client ?? "");
    let last;
    const isRight = async () => {
      for (const channel of this.names) {
        const answer = await fetch(this.cluster.http("/api/presence"), {
          method: "POST",
          headers: { "X-API-Key": API_KEY },
          body: JSON.stringify({ channel }),
        }).then((found) => found.json(), () => ({}));
        last = Object.keys(answer.result?.presence ?? {});
        if (JSON.stringify(last.sort()) !== JSON.stringify(expected(channel).sort())) return false;
      }
      return true;
    };
    await until(isRight, "presence of those who are there", () => `: ${JSON.stringify(last)}`);
  }

  /** The clients that are present in any channel. */
  async #present() {
    const answers = this.names.map((channel) =>
      fetch(this.cluster.http("/api/presence"), { method: "POST", headers: { "X-API-Key": API_KEY }, body: JSON.stringify({ channel }) })
        .then((found) => found.json())
        .then(({ result }) => Object.keys(result.presence))
        .catch((failure) => [String(failure)]),
    );
    return (await Promise.all(answers)).flat();
  }

  /** All clients leave, and no node keeps anything of them. */
  async leave() {
    for (const { client: left } of this.watchers) left.disconnect();
    await until(async () => (await this.#present()).length === 0, "nobody who is present");
    let found = [];
    await until(async () => (found = await this.cluster.leftovers()).length === 0, "nodes without clients", () => `: ${found.join(", ")}`);
  }
}
