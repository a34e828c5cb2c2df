// The official client of Socket.IO against `longwire-socketio`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TRANSPORTS, ask, client, connected, event, server, upgraded } from "../support/socketio-server.mjs";

const bytes = (length) => Buffer.from(Array.from({ length }, (_, index) => index % 256));

for (const engine of ["readiness", "uring"]) {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    const title = `${engine}, ${name}`;
    const start = (t, ...settings) => server(t, `engine=${engine}`, ...settings);
    const join = async (t, url) => {
      const made = await connected(t, url, { transports });
      if (name === "upgrade") await upgraded(made);
      return made;
    };

    test(`${title}: events with several arguments, text and binary, both ways`, async (t) => {
      const { url } = await start(t);
      const [ann, bob] = [await join(t, url), await join(t, url)];
      assert.equal(await ann.emitWithAck("transport"), name === "polling" ? "Polling" : "WebSocket");
      for (const values of [
        [],
        [1, "two", { three: [true, null] }],
        ["κόσμε 🚃 \u0000 \u2028"],
        [bytes(0)],
        ["a photo", { pixels: bytes(1000), more: [bytes(3), { _placeholder: "no" }] }],
        [bytes(150_000), "x".repeat(150_000)],
      ]) {
        const echoed = event(ann, "echo");
        const heard = event(bob, "broadcast");
        ann.emit("echo", ...values);
        ann.emit("broadcast", ...values);
        assert.deepEqual(await echoed, values);
        assert.deepEqual(await heard, values);
      }
    });

    test(`${title}: acknowledgements both ways, and their time-outs`, async (t) => {
      const { url } = await start(t);
      const ann = await join(t, url);
      const values = [1, "two", { three: [bytes(5)] }];
      assert.deepEqual(await ask(ann, "acknowledge", ...values), values);
      assert.deepEqual(await ask(ann, "acknowledge"), []);
      await assert.rejects(ann.timeout(50).emitWithAck("ignore"), { message: "operation has timed out" });
      ann.on("question", (word, answer) => answer({ word, number: 3 }));
      assert.deepEqual(await ask(ann, "ask", "question", 60_000), [{ word: "please", number: 3 }, ""]);
      assert.deepEqual(await ask(ann, "ask", "nobody listens", 50), [null, "timeout"]);
      const numbers = Array.from({ length: 200 }, (_, number) => number);
      assert.deepEqual(await Promise.all(numbers.map((number) => ann.emitWithAck("acknowledge", number))), numbers);
    });

    test(`${title}: namespaces share a connection; a middleware refuses and lets in`, async (t) => {
      const { url } = await start(t);
      const ann = await join(t, url);
      // It connects at once; a call of `connect` would connect it twice.
      const namespace = (path, auth) => ann.io.socket(path, { auth });
      const [unknown] = await event(namespace("/nowhere"), "connect_error");
      assert.equal(unknown.message, "Invalid namespace");
      const members = namespace("/members", { name: "Ann", word: "please" });
      const [refused] = await event(members, "connect_error");
      assert.deepEqual([refused.message, refused.data], ["wrong word", { name: "Ann" }]);
      assert.equal(members.connected, false);
      members.auth = { name: "Ann", word: "sesame" };
      members.connect();
      await event(members, "connect");
      assert.equal(await members.emitWithAck("who am I"), "Ann");
      assert.notEqual(members.id, ann.id);
      members.disconnect();
      assert.deepEqual(await ask(ann, "acknowledge", "still here"), ["still here"]);
    });

    test(`${title}: rooms, and everybody except some`, async (t) => {
      const { url } = await start(t);
      const names = ["ann", "bob", "cat", "dan"];
      const [ann, bob, cat, dan] = await Promise.all(names.map(() => join(t, url)));
      const heard = new Map();
      for (const socket of [ann, bob, cat, dan]) {
        const list = [];
        heard.set(socket, list);
        for (const name of ["told", "announced"]) socket.on(name, (text) => list.push(text));
      }
      assert.deepEqual(await ann.emitWithAck("join", ["tea"]), ["tea"]);
      assert.deepEqual(await bob.emitWithAck("join", ["tea", "coffee"]), ["coffee", "tea"]);
      await cat.emitWithAck("join", ["coffee"]);
      assert.equal(await dan.emitWithAck("count", ["tea"]), 2);
      assert.equal(await dan.emitWithAck("count", ["tea", "coffee"]), 3);
      assert.equal(await dan.emitWithAck("count", []), 4);
      ann.emit("tell", ["tea"], [], "to tea, not Ann");
      ann.emit("tell", [], ["coffee"], "to nobody with coffee");
      ann.emit("announce", ["tea", "coffee"], [], "to both, once");
      ann.emit("announce", ["coffee"], ["tea"], "to coffee without tea");
      ann.emit("announce", [dan.id], [], "to Dan");
      await ask(ann, "acknowledge");
      await bob.emitWithAck("leave", "tea");
      ann.emit("announce", ["tea"], [], "to tea without Bob");
      await ask(ann, "acknowledge");
      for (const socket of [ann, bob, cat, dan]) {
        // What a client has been told before arrives before this.
        const echoed = event(socket, "echo");
        socket.emit("echo");
        await echoed;
      }
      assert.deepEqual(heard.get(ann), ["to both, once", "to tea without Bob"]);
      assert.deepEqual(heard.get(bob), ["to tea, not Ann", "to both, once"]);
      assert.deepEqual(heard.get(cat), ["to both, once", "to coffee without tea"]);
      assert.deepEqual(heard.get(dan), ["to nobody with coffee", "to Dan"]);
    });

    test(`${title}: volatile events may be lost, and nothing else is`, async (t) => {
      const { url } = await start(t);
      const ann = await join(t, url);
      const numbers = [];
      ann.on("volatile", (number) => numbers.push(number));
      const end = event(ann, "flooded");
      ann.emit("flood", 1000, 5000);
      assert.deepEqual(await end, [1000]);
      assert.ok(numbers.length < 1000, `${numbers.length} of 1000`);
      assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
      assert.equal(new Set(numbers).size, numbers.length);
      if (name === "polling") return; // it may be between two polls
      const arrived = event(ann, "volatile");
      ann.emit("flood", 1, 10);
      assert.equal((await arrived)[0], 0);
    });

    test(`${title}: a client joins a namespace of its own with credentials at once`, async (t) => {
      const { url } = await start(t);
      const auth = (answer) => answer({ name: "Bob", word: "sesame" });
      const bob = await connected(t, `${url}/members`, { transports, auth });
      assert.equal(await bob.emitWithAck("who am I"), "Bob");
      const refused = client(t, `${url}/members`, { transports });
      assert.equal((await event(refused, "connect_error"))[0].message, "a name is required");
    });
  }
}
