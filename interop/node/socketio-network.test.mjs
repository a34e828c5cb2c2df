// The official client of Socket.IO against `longwire-socketio`: the ends of connections, and networks that are cut.

import assert from "node:assert/strict";
import { test } from "node:test";

import { within } from "../support/deadline.mjs";
import { Network } from "../support/demo.mjs";
import { Numbers, TRANSPORTS, ask, client, connected, event, server, upgraded } from "../support/socketio-server.mjs";

/** Where an upgrade can be cut: what one side sends then, as a number of pieces. */
const STAGES = {
  "the request": ({ client, server }) => client === 1 && server === 0,
  "the response": ({ client, server }) => client === 1 && server === 1,
  "the probe": ({ client, server }) => client === 2 && server === 1,
  "the answer to the probe": ({ client, server }) => client === 2 && server === 2,
  "the end": ({ client, server }) => client === 3 && server === 2,
};

const isUpgrade = ({ opening }) => /^GET \S+transport=websocket&sid=/.test(opening);

/** Sends numbers, which continue those of before, to all. */
class Announcer {
  #socket;
  sent = 0;

  constructor(socket) {
    this.#socket = socket;
  }

  async send(count) {
    for (let left = count; left > 0; left--) this.#socket.emit("announce", [], [], this.sent++);
    await ask(this.#socket, "acknowledge");
  }
}

for (const engine of ["readiness", "uring"]) {
  const start = (t, ...settings) => server(t, `engine=${engine}`, ...settings);

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    const title = `${engine}, ${name}`;

    const left = async (t, { url }, other, leave) => {
      const watching = await connected(t, `${url}/leaving`, { transports: ["websocket"] });
      const { id } = other;
      const [seen, reported] = [event(other, "disconnect"), event(watching, "left")];
      await leave();
      const [[here], [who, there]] = await Promise.all([seen, reported]);
      assert.equal(who, id);
      return [here, there];
    };
    const join = async (t, url) => {
      const made = await connected(t, url, { transports });
      if (name === "upgrade") await upgraded(made);
      return made;
    };

    test(`${title}: who leaves, and why, is known on both sides`, async (t) => {
      const started = await start(t);
      for (const [leave, here, there] of [
        [(socket) => socket.disconnect(), "io client disconnect", "client namespace disconnect"],
        [(socket) => socket.emit("disconnect me"), "io server disconnect", "server namespace disconnect"],
        [(socket) => socket.emit("close me"), "io server disconnect", "server namespace disconnect"],
        [(socket) => socket.io.engine.close(), "forced close", "transport close"],
      ]) {
        const ann = await join(t, started.url);
        ann.io.reconnection(false);
        assert.deepEqual(await left(t, started, ann, () => leave(ann)), [here, there]);
      }
    });

    test(`${title}: a network that goes silent is a ping timeout on both sides`, async (t) => {
      const started = await start(t, "ping=1000");
      const network = await Network.start(t, started.port);
      const ann = await join(t, network.http(""));
      const reasons = await left(t, started, ann, () => network.freeze());
      assert.deepEqual(reasons, ["ping timeout", "ping timeout"]);
    });

    test(`${title}: a shutdown of the server closes the connection`, async (t) => {
      const started = await start(t);
      const ann = await join(t, started.url);
      ann.io.reconnection(false);
      const gone = event(ann, "disconnect");
      assert.equal(await started.stop(), 0);
      // A client that is between two polls finds nobody.
      const expected = name === "polling" ? /^transport (close|error)$/ : /^transport close$/;
      assert.match((await gone)[0], expected);
    });

    test(`${title}: a client comes back without loss or doubles, in its rooms`, async (t) => {
      const started = await start(t, "recovery=60");
      const network = await Network.start(t, started.port);
      const [ann, bob] = [await join(t, started.url), await join(t, network.http(""))];
      const [announcer, numbers] = [new Announcer(ann), new Numbers(bob, "announced")];
      await bob.emitWithAck("join", ["tea"]);
      const { id } = bob;
      for (let cut = 0; cut < 5; cut++) {
        await announcer.send(20);
        network.cut();
        await event(bob, "disconnect");
        await announcer.send(20);
        const [back, welcome] = [event(bob, "connect"), event(bob, "welcome")];
        network.restore();
        await back;
        assert.deepEqual([bob.recovered, bob.id], [true, id]);
        assert.deepEqual((await welcome)[0], { recovered: true, rooms: ["tea"] });
        await announcer.send(20);
        await numbers.upTo(announcer.sent);
      }
      const ends = event(bob, "echo");
      bob.emit("echo");
      await ends;
      await numbers.upTo(announcer.sent);
    });

    test(`${title}: a client that missed too much begins anew`, async (t) => {
      const started = await start(t, "recovery=60");
      const network = await Network.start(t, started.port);
      const [ann, bob] = [await join(t, started.url), await join(t, network.http(""))];
      await bob.emitWithAck("join", ["tea"]);
      const { id } = bob;
      network.cut();
      await event(bob, "disconnect");
      for (let count = 0; count < 3; count++) await ask(ann, "announce", [], [], "x".repeat(300_000));
      const [back, welcome] = [event(bob, "connect"), event(bob, "welcome")];
      network.restore();
      await back;
      assert.equal(bob.recovered, false);
      assert.notEqual(bob.id, id);
      assert.deepEqual((await welcome)[0], { recovered: false, rooms: [] });
    });
  }

  for (const [stage, isAt] of Object.entries(STAGES)) {
    for (const cutsAll of [true, false]) {
      const what = cutsAll ? "the network" : "the new connection";
      test(`${engine}: ${what} is cut at ${stage} of an upgrade: nothing is lost or doubled`, async (t) => {
        const started = await start(t, "recovery=60");
        const network = await Network.start(t, started.port);
        const ann = await connected(t, started.url);
        const announcer = new Announcer(ann);
        let release;
        const released = new Promise((resolve) => (release = resolve));
        let reached;
        const atStage = new Promise((resolve) => (reached = resolve));
        network.beforePassing = async (connection) => {
          if (!isUpgrade(connection)) return;
          await released;
          if (!isAt(connection.sent)) return;
          network.beforePassing = undefined;
          if (cutsAll) network.cut();
          else connection.cut();
          await announcer.send(20);
          network.restore();
          reached();
        };
        const bob = client(t, network.http(""));
        const numbers = new Numbers(bob, "announced");
        await event(bob, "connect");
        await announcer.send(20);
        release();
        await within(atStage, stage);
        await announcer.send(20);
        await numbers.upTo(announcer.sent);
        const ends = event(bob, "echo");
        bob.emit("echo");
        await ends;
      });
    }
  }
}
