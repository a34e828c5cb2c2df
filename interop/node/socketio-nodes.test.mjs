// The official client of Socket.IO against two servers of `longwire-socketio` that an adapter connects.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TRANSPORTS, ask, connected, event, nodes } from "../support/socketio-server.mjs";

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: rooms, broadcasts and questions reach the clients of both servers`, async (t) => {
    const urls = await nodes(t, 2);
    const [ann, bob] = await Promise.all(urls.map((url) => connected(t, url, { transports })));
    // The servers have found each other when one counts the clients of both.
    while ((await ask(ann, "count all", []))[0] < 2);

    for (const values of [[], [1, "two", { three: Buffer.from([3]) }], ["κόσμε 🚃"]]) {
      const heard = event(bob, "broadcast");
      ann.emit("broadcast", ...values);
      assert.deepEqual(await heard, values);
    }

    await ask(bob, "join", ["tea"]);
    const told = event(bob, "told");
    ann.emit("tell", ["tea"], [], "to tea");
    assert.deepEqual(await told, ["to tea"]);
    const announced = event(ann, "announced");
    bob.emit("announce", [], ["tea"], "to all without tea");
    assert.deepEqual(await announced, ["to all without tea"]);
    await ask(ann, "all join", ["tea"], "cake");
    assert.deepEqual(await ask(ann, "count all", ["cake"]), [1]);

    ann.on("question", (word, answer) => answer({ ann: word }));
    bob.on("question", (word, answer) => answer({ bob: word }));
    const [answers, missing] = await ask(ann, "ask all", [], 60_000);
    const byName = Object.assign({}, ...answers);
    assert.deepEqual([byName.ann, byName.bob, missing], ["please", "please", 0]);
    bob.off("question");
    const [[answer], silent] = await ask(ann, "ask all", [], 100);
    assert.deepEqual([answer, silent], [{ ann: "please" }, 1]);
  });
}
