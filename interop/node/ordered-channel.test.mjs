// What the demos keep in the order of a channel: how who comes late gets it, and the board of the whiteboard.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { SharedText } from "../../crates/cli/web/demo/editor/shared-text.js";
import { OrderedChannel } from "../../crates/cli/web/demo/shared/ordered.js";
import { Board, MOST_POINTS_OF_STROKE, isStroke, simplify } from "../../crates/cli/web/demo/whiteboard/board.js";

/** A hub with one channel, of which the history keeps the newest publications. */
class FakeHub {
  log = [];
  epoch = "first";
  kept = Infinity;
  answers = [];
  published = [];

  subscribe(_channel, options) {
    this.options = options;
    return {
      publish: async (data) => void this.published.push(data),
      history: async ({ limit, since }) => {
        const oldest = Math.max(0, this.log.length - this.kept);
        const from = Math.max(oldest, since?.offset ?? 0);
        const publications = this.log.slice(from, from + limit);
        const answer = { publications, offset: this.log.length, epoch: this.epoch };
        await new Promise((resolve) => this.answers.push(resolve)); // it is on its way
        return answer;
      },
    };
  }

  /** Somebody publishes. */
  publish(data) {
    const publication = { offset: this.log.length + 1, data };
    this.log.push(publication);
    this.options.onpublication(publication);
  }

  enter(answer) {
    this.options.onsubscribed({ recovered: false, wasRecovering: false, epoch: this.epoch, ...answer });
  }

  /** Answers the requests for the history until there is none. */
  async answer() {
    await settled();
    while (this.answers.length > 0) {
      this.answers.shift()();
      await settled();
    }
  }
}

const settled = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

/** What somebody has who adds up numbers. */
class Sum {
  total = 0;
  offset = 0;
  calls = [];

  begin() {
    this.calls.push("begin");
    [this.total, this.offset] = [0, 0];
  }

  resume({ at, total }) {
    if (total === undefined) return false;
    this.calls.push(`resume ${at}`);
    [this.total, this.offset] = [total, at];
    return true;
  }

  restart(offset) {
    this.calls.push(`restart ${offset}`);
    this.offset = offset;
  }

  snapshot() {
    return { kind: "snapshot", at: this.offset, total: this.total };
  }

  receive({ offset, data }) {
    assert.equal(offset, this.offset + 1, "one after the other");
    this.offset = offset;
    if (data.bad) throw new Error("bad");
    this.total += data.add ?? 0;
  }
}

function begin(t, prepare = () => {}) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const [hub, sum] = [new FakeHub(), new Sum()];
  hub.options = { onpublication: () => {} };
  prepare(hub);
  const channel = new OrderedChannel(hub, "demo:sum", sum);
  const backs = [];
  channel.onback = () => backs.push(sum.total);
  return { hub, sum, channel, backs };
}

test("all of the history, and what comes while it is read, once", async (t) => {
  const many = (hub) => Array.from({ length: 700 }, () => hub.publish({ add: 1 }));
  const { hub, sum, channel } = begin(t, many);
  hub.enter();
  await settled();
  hub.publish({ add: 1000 });
  await hub.answer();
  hub.publish({ add: 10_000 });
  assert.deepEqual([sum.total, sum.offset, sum.calls], [11_700, 702, ["begin"]]);
  assert.ok(channel.isReady);
});

test("what is published while the history is on its way", async (t) => {
  const { hub, sum } = begin(t, (hub) => hub.publish({ add: 1 }));
  hub.enter();
  await settled();
  hub.publish({ add: 10 });
  await hub.answer();
  assert.deepEqual([sum.total, sum.offset], [11, 2]);
});

test("from the newest snapshot that the history can follow", async (t) => {
  const { hub, sum } = begin(t, (hub) => {
    hub.kept = 6;
    for (let count = 0; count < 10; count += 1) hub.publish({ add: 1 });
    hub.publish({ kind: "snapshot", at: 8, total: 8 });
    hub.publish({ kind: "snapshot", at: 10, total: undefined }); // by somebody who does not know how
    hub.publish({ add: 1 });
    hub.publish({ kind: "snapshot", at: 2, total: 77 }); // too old
  });
  hub.enter();
  await hub.answer();
  assert.deepEqual([sum.total, sum.offset, sum.calls], [11, 14, ["resume 8"]]);
});

test("without a snapshot somebody who has the state is asked", async (t) => {
  const { hub, sum, channel } = begin(t, (hub) => {
    hub.kept = 2;
    for (let count = 0; count < 5; count += 1) hub.publish({ add: 1 });
  });
  hub.enter();
  await hub.answer();
  assert.deepEqual(hub.published, [{ kind: "need" }]);
  assert.equal(channel.isReady, false);
  hub.publish({ add: 1 });
  hub.publish({ kind: "snapshot", at: 6, total: 6 });
  assert.deepEqual([sum.total, sum.offset, sum.calls], [6, 7, ["resume 6"]]);
  mock.timers.tick(5_000);
  assert.deepEqual(sum.calls, ["resume 6"], "the wait is over");
});

test("if nobody has it, it begins anew, and that is a snapshot for the next", async (t) => {
  const { hub, sum, channel } = begin(t, (hub) => {
    hub.kept = 0;
    for (let count = 0; count < 5; count += 1) hub.publish({ add: 1 });
  });
  hub.enter();
  await hub.answer();
  mock.timers.tick(2_000);
  mock.timers.tick(1);
  assert.deepEqual(sum.calls, ["restart 5"]);
  assert.ok(channel.isReady);
  assert.deepEqual(hub.published, [{ kind: "need" }, { kind: "snapshot", at: 5, total: 0 }]);
  hub.publish({ add: 3 });
  assert.equal(sum.total, 3);
});

test("after a loss of the connection it goes on where it was, if that is possible", async (t) => {
  const { hub, sum, backs } = begin(t);
  hub.enter();
  await hub.answer();
  hub.publish({ add: 1 });
  hub.enter({ recovered: true, wasRecovering: true });
  assert.equal(hub.answers.length, 0);
  assert.deepEqual(backs, [0, 1]);

  // Not recovered, but the history has it all.
  hub.log.push({ offset: 2, data: { add: 5 } });
  hub.enter({ wasRecovering: true });
  await hub.answer();
  assert.deepEqual([sum.total, sum.calls], [6, ["begin"]]);

  // The server was restarted.
  hub.log = [{ offset: 1, data: { add: 2 } }];
  hub.epoch = "second";
  hub.enter({ wasRecovering: true });
  await hub.answer();
  assert.deepEqual([sum.total, sum.calls], [2, ["begin", "begin"]]);
});

test("one of those who have the state publishes a snapshot from time to time", async (t) => {
  const { hub } = begin(t);
  hub.enter();
  await hub.answer();
  for (let count = 0; count < 101; count += 1) hub.publish({ add: 1 });
  mock.timers.tick(2_000);
  assert.deepEqual(hub.published, [{ kind: "snapshot", at: 101, total: 101 }]);

  // Somebody else was faster.
  for (let count = 0; count < 101; count += 1) hub.publish({ add: 1 });
  hub.publish({ kind: "snapshot", at: 202, total: 202 });
  mock.timers.tick(5_000);
  assert.equal(hub.published.length, 1);
  hub.publish({ kind: "need" });
  mock.timers.tick(400);
  assert.equal(hub.published.length, 2);
  // The history is not forgotten while somebody is here.
  mock.timers.tick(300_001);
  assert.equal(hub.published.length, 3);
});

test("a publication that cannot be applied makes it read the history again", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  const { hub, sum, channel } = begin(t);
  hub.enter();
  await hub.answer();
  hub.publish({ add: 1 });
  hub.publish({ bad: true });
  assert.equal(channel.isReady, false);
  assert.equal(warned.mock.callCount(), 1);
  hub.log[1] = { offset: 2, data: { add: 1 } };
  mock.timers.tick(1_000);
  await hub.answer();
  assert.deepEqual([sum.total, channel.isReady], [2, true]);
});

const stroke = (id, points = [1, 2, 3, 4]) => ({ id, author: "ada", colour: 1, width: 4, points });

test("a board that was resumed is the board, and goes on like it", () => {
  const board = new Board();
  let offset = 0;
  const both = (data, boards) => {
    offset += 1;
    for (const each of boards) each.receive({ offset, data });
  };
  both({ kind: "stroke", stroke: stroke("a") }, [board]);
  both({ kind: "stroke", stroke: stroke("b", [10, 20, 7, 25, 0, 0]) }, [board]);
  both({ kind: "remove", id: "a" }, [board]);
  both({ kind: "stroke", stroke: stroke("a") }, [board]);
  const late = new Board();
  assert.ok(late.resume(JSON.parse(JSON.stringify(board.snapshot()))));
  assert.deepEqual(late.strokes, board.strokes);
  both({ kind: "stroke", stroke: stroke("a") }, [board, late]);
  both({ kind: "stroke", stroke: stroke("b", [0, 0]) }, [board, late]);
  assert.deepEqual(board.strokes, [stroke("b", [10, 20, 7, 25, 0, 0])]);
  assert.deepEqual(late.strokes, board.strokes);
});

test("a board is bounded, and its snapshot fits into a publication", () => {
  const board = new Board();
  const longest = Array.from({ length: 2 * MOST_POINTS_OF_STROKE }, (_, index) => (index % 4 < 2 ? -1600 : 3200));
  for (let offset = 1; offset <= 500; offset += 1) {
    const id = `${"x".repeat(28)}-${offset}`;
    const data = offset % 3 === 0 ? { kind: "remove", id } : { kind: "stroke", stroke: stroke(id, offset % 2 ? [1, 1] : longest) };
    board.receive({ offset, data });
  }
  const bytes = JSON.stringify(board.snapshot()).length;
  assert.ok(bytes > 40_000 && bytes < 64 << 10, `${bytes} bytes`);
});

test("what is not a stroke is not drawn", () => {
  assert.ok(isStroke(stroke("a")));
  const wrong = [{ id: "" }, { id: "<img>" }, { colour: 6 }, { colour: "red" }, { width: 5 }, { points: [1] }, { points: [1, NaN] }, { points: [1, 1e9] }];
  for (const part of wrong) assert.equal(isStroke({ ...stroke("a"), ...part }), false, JSON.stringify(part));
  assert.equal(isStroke(null), false);
});

test("points on a line are left out", () => {
  assert.deepEqual(simplify([0, 0, 5, 0, 10, 0, 10, 5, 10, 10]), [0, 0, 10, 0, 10, 10]);
  assert.deepEqual(simplify([3, 3]), [3, 3]);
});

test("a snapshot of a text fits into a publication, even if all is at its bounds", () => {
  const text = new SharedText("ada");
  text.begin();
  let length = 0;
  for (let offset = 1; offset <= 53; offset += 1) {
    const op = length === 0 ? ["字".repeat(11_000)] : Array.from({ length: 38 }, (_, index) => (index % 2 ? "x" : 9)).concat(length - 19 * 9);
    text.receive(offset, { kind: "edit", author: `${"a".repeat(36)}${offset}`, number: 1, base: offset - 1, op });
    length = text.text.length;
  }
  const bytes = Buffer.byteLength(JSON.stringify(text.snapshot()));
  assert.ok(bytes > 40_000 && bytes < 64 << 10, `${bytes} bytes`);
});
