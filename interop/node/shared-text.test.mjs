// The text of the demo page "Collaborative editing": whatever happens on the way, all see the same in the end.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as ot from "../../crates/cli/web/demo/editor/ot.js";
import { MOST_CHARACTERS, SharedText } from "../../crates/cli/web/demo/editor/shared-text.js";

const ROUNDS = Number(process.env.ROUNDS ?? 300);

/** A generator of random numbers that a seed repeats (mulberry32). */
function random(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  return { below, chance: (probability) => next() < probability, of: (list) => list[below(list.length)] };
}

/** A channel with a history of limited length. What is published keeps its order, and has its offset. */
class Channel {
  log = [];
  oldest = 1;
  #kept;

  constructor(kept) {
    this.#kept = kept;
  }

  publish(publication) {
    // As on the way over a network: nothing is shared.
    this.log.push(JSON.stringify(publication));
    this.oldest = Math.max(this.oldest, this.log.length - this.#kept + 1);
  }

  at(offset) {
    return JSON.parse(this.log[offset - 1]);
  }
}

/** A tab: what it has published is on its way, in `sent`; what it has not seen yet is between its text and the channel. */
class Tab {
  sent = [];
  isConnected = true;
  /** Frames of connections that were cut. The server may still find them in its buffers. */
  stale = [];

  constructor(channel, name, world) {
    Object.assign(this, { channel, name, world });
    this.text = new SharedText(name);
    this.enter();
  }

  /** Subscribes: goes on from its position if the history allows it, else from a snapshot. */
  enter() {
    const { text, channel } = this;
    const isNew = !text.isKnown || this.known !== channel;
    if (!isNew && text.offset + 1 >= channel.oldest) return;
    this.known = channel;
    if (channel.oldest === 1) {
      text.begin();
      return;
    }
    for (let offset = channel.log.length; offset >= channel.oldest; offset -= 1) {
      const publication = channel.at(offset);
      if (publication.kind !== "snapshot" || publication.at + 1 < channel.oldest) continue;
      assert.ok(text.resume(publication), "our own snapshot is one");
      return;
    }
    this.known = undefined;
    this.isConnected = false;
  }

  edit(rng) {
    const { text } = this.text;
    const start = rng.below(text.length + 1);
    const count = rng.chance(0.4) ? Math.min(rng.below(4), text.length - start) : 0;
    const inserted = rng.chance(0.8) ? this.world.fresh(1 + rng.below(3)) : "";
    const op = [start, inserted, -count, text.length - start - count].filter((part) => part !== 0 && part !== "");
    this.world.deleted(text.slice(start, start + count));
    if (!ot.changesNothing(op)) this.text.edit(op, this.world.now);
  }

  step(back) {
    const before = this.text.text;
    const op = back ? this.text.undo() : this.text.redo();
    if (!op) return;
    assert.equal(ot.apply(before, op), this.text.text);
    this.world.deleted([...before].filter((unit) => !this.text.text.includes(unit)).join(""));
  }

  send() {
    const publication = this.isConnected && this.text.take();
    if (publication) this.sent.push(publication);
  }

  arrive() {
    if (this.sent.length > 0) this.channel.publish(this.sent.shift());
  }

  receive(again) {
    if (!this.isConnected || this.text.offset >= this.channel.log.length) return;
    const offset = this.text.offset + 1;
    const before = this.text.text;
    const change = this.text.receive(offset, this.channel.at(offset));
    if (change?.lost !== undefined) this.world.losses += 1;
    assert.equal(this.text.text, change ? ot.apply(before, change.op) : before, "the change is the one that is shown");
    if (again) assert.equal(this.text.receive(offset, this.channel.at(offset)), undefined);
  }

  cut(rng) {
    this.isConnected = false;
    // What was on its way has arrived, is lost, or turns up later.
    for (const publication of this.sent.splice(0)) {
      if (rng.chance(0.4)) this.channel.publish(publication);
      else if (rng.chance(0.5)) this.stale.push(publication);
    }
  }

  reconnect() {
    this.isConnected = true;
    this.enter();
    if (this.isConnected) this.catchUp();
    this.text.publishAgain();
  }

  catchUp() {
    while (this.isConnected && this.text.offset < this.channel.log.length) this.receive(false);
  }
}

/** What was typed: every character once, so that it can be followed. */
class World {
  now = 0;
  typed = "";
  gone = new Set();
  losses = 0;

  fresh(count) {
    const from = this.typed.length;
    for (let index = 0; index < count; index += 1) this.typed += String.fromCharCode(0x4e00 + from + index);
    return this.typed.slice(from);
  }

  deleted(text) {
    for (const unit of text) this.gone.add(unit);
  }
}

/** Runs a random schedule, then lets everything arrive. */
function play(seed, { tabs: count = 4, steps = 150, kept = Infinity, restarts = false }) {
  const rng = random(seed);
  const world = new World();
  let channel = new Channel(kept);
  const tabs = Array.from({ length: count }, (_, index) => new Tab(channel, `tab ${index}`, world));
  for (let step = 0; step < steps; step += 1) {
    const tab = rng.of(tabs);
    world.now += rng.below(900);
    const dice = rng.below(100);
    if (dice < 30) tab.text.isKnown && tab.edit(rng);
    else if (dice < 36) tab.step(rng.chance(0.6));
    else if (dice < 50) tab.send();
    else if (dice < 64) tab.arrive();
    else if (dice < 84) tab.receive(rng.chance(0.2));
    else if (dice < 88) tab.cut(rng);
    else if (dice < 92) tab.isConnected || tab.reconnect();
    else if (dice < 94) tab.stale.length > 0 && channel.publish(tab.stale.shift());
    else if (dice < 97) tab.isConnected && tab.text.offset > 0 && channel.publish(tab.text.snapshot());
    else if (dice < 98) channel.publish({ kind: "edit", author: "stranger", number: step, base: 0, op: [1, {}, null] });
    else if (dice < 99) tabs.length < 8 && tabs.push(new Tab(channel, `late ${step}`, world));
    else if (restarts) {
      channel = new Channel(kept);
      for (const each of tabs) {
        each.cut(rng);
        each.stale = [];
        each.channel = channel;
      }
    }
  }
  settle(tabs, channel);
  return { tabs, world, channel };
}

function settle(tabs, channel) {
  for (let round = 0; round < 200; round += 1) {
    for (const tab of tabs) {
      if (!tab.isConnected) tab.reconnect();
      tab.catchUp();
      tab.send();
      tab.arrive();
    }
    // Those who have the text help those who do not.
    const known = tabs.find((tab) => tab.isConnected && tab.text.offset > 0);
    if (tabs.some((tab) => !tab.isConnected) && known) {
      known.catchUp();
      channel.publish(known.text.snapshot());
    }
    const isDone = (tab) => tab.isConnected && !tab.text.hasUnsaved && tab.text.offset === channel.log.length;
    if (tabs.every(isDone)) return;
  }
  assert.fail("the tabs do not come to rest");
}

function converged(tabs, seed) {
  for (const tab of tabs) assert.equal(tab.text.text, tabs[0].text.text, `seed ${seed}: ${tab.name} sees another text`);
}

/** What somebody typed and nobody deleted is there, once. (Two who undo that they deleted the same get it twice.) */
function keptAll({ tabs, world }, seed) {
  const { text } = tabs[0].text;
  const wrong = [...world.typed].filter((unit) => !world.gone.has(unit) && text.split(unit).length !== 2);
  assert.deepEqual(wrong, [], `seed ${seed}: something is lost or doubled`);
}

test("operations that two made at once lead to the same text, in either order", () => {
  const rng = random(1);
  const anyOp = (text) => {
    const op = [];
    for (let at = 0; at < text.length; ) {
      const count = Math.min(1 + rng.below(4), text.length - at);
      const last = op.at(-1);
      if (rng.chance(0.3) && typeof last !== "string" && !(last < 0)) op.push("xyz".slice(rng.below(3)));
      else if (rng.chance(0.5)) at += count * (op.push(count) > 0);
      else at += count * (op.push(-count) > 0);
    }
    return op;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const text = "abcdefghijklmnop".slice(0, rng.below(16));
    const [a, b] = [anyOp(text), anyOp(text)];
    const [aAfter, bAfter] = ot.transform(a, b);
    assert.equal(ot.apply(ot.apply(text, a), bAfter), ot.apply(ot.apply(text, b), aAfter), JSON.stringify({ text, a, b }));
    assert.equal(ot.apply(text, ot.compose(a, bAfter)), ot.apply(ot.apply(text, a), bAfter));
    assert.equal(ot.apply(ot.apply(text, a), ot.invert(a, text)), text);
    const other = ot.apply(text, a);
    assert.equal(ot.apply(text, ot.difference(text, other)), other);
    assert.ok(ot.isOperation(bAfter, other.length, 100));
  }
});

test("a difference does not cut a character of two units", () => {
  assert.deepEqual(ot.difference("a😀b", "a😁b"), [1, "😁", -2, 1]);
  assert.deepEqual(ot.difference("a𐀀b", "a𐐀b"), [1, "𐐀", -2, 1]);
  assert.deepEqual(ot.difference("", "a"), ["a"]);
  assert.deepEqual(ot.difference("aa", "aaa"), [2, "a"]);
});

test("a position stays with its text", () => {
  assert.equal(ot.movePosition(2, [2, "x", 3]), 2);
  assert.equal(ot.movePosition(2, [1, "x", 4]), 3);
  assert.equal(ot.movePosition(2, [3, "x", 2]), 2);
  assert.equal(ot.movePosition(4, [1, -2, 3]), 2);
  assert.equal(ot.movePosition(2, [1, "new", -3, 2]), 4);
  assert.equal(ot.movePosition(0, ["x", 2]), 0);
  assert.equal(ot.endOfChange([3, "abc", -1, 4]), 6);
});

test("all converge, and nothing is lost or doubled: cuts, doubles, late frames, strangers", () => {
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const played = play(seed, {});
    converged(played.tabs, seed);
    keptAll(played, seed);
  }
});

test("the same with a history that is often too short, and snapshots", () => {
  let resumed = 0;
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const played = play(seed, { kept: 12, steps: 300 });
    resumed += played.channel.oldest > 1;
    converged(played.tabs, seed);
    keptAll(played, seed);
  }
  assert.ok(resumed > ROUNDS / 2, `${resumed} of ${ROUNDS} histories were too short`);
});

test("a server that forgets the text gets it back, from one of those who have it", () => {
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const { tabs } = play(seed, { restarts: true, steps: 300 });
    converged(tabs, seed);
  }
});

test("edits of somebody who was offline for long are merged on return", () => {
  const world = new World();
  const channel = new Channel(Infinity);
  const [ada, grace] = [new Tab(channel, "ada", world), new Tab(channel, "grace", world)];
  ada.text.edit(["Dear all,"]);
  settle([ada, grace], channel);
  ada.isConnected = false;
  ada.text.edit([5, "dearest ", 4]);
  // More than an operation may be behind.
  for (let count = 0; count < 100; count += 1) {
    grace.text.edit([9 + count, "!"]);
    settle([grace], channel);
  }
  settle([ada, grace], channel);
  assert.equal(ada.text.text, `Dear dearest all,${"!".repeat(100)}`);
  assert.equal(grace.text.text, ada.text.text);
});

test("undo takes back what oneself has typed, and leaves what others wrote", () => {
  const world = new World();
  const channel = new Channel(Infinity);
  const [ada, grace] = [new Tab(channel, "ada", world), new Tab(channel, "grace", world)];
  ada.text.edit(["one"], 0);
  settle([ada, grace], channel);
  ada.text.edit([3, " two"], 5_000);
  settle([ada, grace], channel);
  grace.text.edit(["zero ", 7], 9_000);
  settle([ada, grace], channel);
  ada.text.undo();
  settle([ada, grace], channel);
  assert.equal(grace.text.text, "zero one");
  ada.text.redo();
  assert.equal(ada.text.text, "zero one two");
  ada.text.undo();
  ada.text.undo();
  assert.equal(ada.text.text, "zero ");
  assert.equal(ada.text.undo(), undefined);
  grace.text.undo();
  settle([ada, grace], channel);
  assert.equal(ada.text.text, "");
});

test("a text that is full takes no more, and says what it did not take", () => {
  const world = new World();
  const channel = new Channel(Infinity);
  const [ada, grace] = [new Tab(channel, "ada", world), new Tab(channel, "grace", world)];
  ada.text.edit(["a".repeat(MOST_CHARACTERS - 1)]);
  settle([ada, grace], channel);
  ada.text.edit([MOST_CHARACTERS - 1, "b"]);
  grace.text.edit(["c", MOST_CHARACTERS - 1]);
  ada.send();
  grace.send();
  ada.arrive();
  grace.arrive();
  settle([ada, grace], channel);
  assert.equal(grace.text.text.at(-1), "b");
  assert.equal(grace.text.text, ada.text.text);
  assert.equal(world.losses, 1);
});

test("what is not a snapshot changes nothing", () => {
  const text = new SharedText("ada");
  for (const wrong of [{}, { at: 1, text: 1 }, { at: 1, text: "a", window: [], authors: [] }, { at: -1, text: "", window: [null], authors: [] }]) {
    assert.equal(text.resume(wrong), false);
  }
  assert.equal(text.isKnown, false);
  assert.ok(text.resume({ at: 1, text: "a", window: [null], authors: [["b", 1], 7] }));
  assert.equal(text.text, "a");
});
