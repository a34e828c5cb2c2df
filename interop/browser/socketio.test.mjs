// The official client of Socket.IO in Chromium, as published for pages, against `longwire-socketio`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Network } from "../support/demo.mjs";
import { TRANSPORTS, server } from "../support/socketio-server.mjs";

const CLIENT = createRequire(import.meta.url).resolve("socket.io-client/dist/socket.io.js");

const pages = createServer((_request, response) => {
  response.setHeader("content-type", "text/html").end("<link rel=icon href=data:,><p>elsewhere");
});

let browser;
before(async () => {
  browser = await launch();
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
});
after(() => {
  pages.close();
  pages.closeAllConnections();
  return browser?.close();
});

/** A page of another origin with a connected client, whose network is `network`. */
async function tab(t, network, transports, path = "", auth = {}) {
  const page = await browser.tab(t, `http://127.0.0.1:${pages.address().port}/`);
  await page.addScriptTag({ path: CLIENT });
  await page.evaluate(connect, { url: network.http(path), transports, auth });
  return page;
}

/** Runs in the page: connects, and waits for the end of an upgrade. */
async function connect({ url, transports, auth }) {
  const options = { transports, auth, reconnectionDelay: 10, reconnectionDelayMax: 50 };
  const socket = (window.socket = io(url, options));
  window.announced = [];
  window.reasons = [];
  socket.on("announced", (number) => window.announced.push(number));
  socket.on("disconnect", (reason) => window.reasons.push(reason));
  await new Promise((resolve) => socket.once("connect", resolve));
  const { engine } = socket.io;
  if (transports.length > 1 && engine.transport.name !== "websocket") {
    await new Promise((resolve) => engine.once("upgrade", resolve));
  }
}

/** Runs in the page: sends values that hold binary data, and returns what comes back in an event and in an acknowledgement. */
async function exchange() {
  const pixels = Uint8Array.from({ length: 1000 }, (_, index) => index % 256);
  const values = ["κόσμε 🚃", { pixels, blob: new Blob([pixels.slice(0, 3)]) }, pixels.buffer];
  const plain = (value) => {
    if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
    if (typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
  };
  const echoed = new Promise((resolve) => window.socket.once("echo", (...all) => resolve(all)));
  window.socket.emit("echo", ...values);
  const answer = await new Promise((resolve) => window.socket.emit("acknowledge", ...values, (...all) => resolve(all)));
  return [(await echoed).map(plain), answer.map(plain)];
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: text and binary come back to a page of another origin, in events and acknowledgements`, async (t) => {
    const network = await Network.start(t, (await server(t)).port);
    const page = await tab(t, network, transports);
    const pixels = Array.from({ length: 1000 }, (_, index) => index % 256);
    const expected = ["κόσμε 🚃", { pixels, blob: [0, 1, 2] }, pixels];
    assert.deepEqual(await page.evaluate(exchange), [expected, expected]);
    const transport = await page.evaluate(() => window.socket.emitWithAck("transport"));
    assert.equal(transport, name === "polling" ? "Polling" : "WebSocket");
    assert.deepEqual(page.complaints, []);
  });

  test(`${name}: after the network was cut, two tabs have each event once, in order`, async (t) => {
    const started = await server(t, "recovery=60");
    const networks = [await Network.start(t, started.port), await Network.start(t, started.port)];
    const [ann, bob] = await Promise.all(networks.map((network) => tab(t, network, transports)));
    const announce = (from) =>
      ann.evaluate(async (from) => {
        for (let number = from; number < from + 20; number++) window.socket.emit("announce", [], [], number);
        await window.socket.emitWithAck("acknowledge");
      }, from);
    const id = await bob.evaluate(() => window.socket.id);
    let sent = 0;
    for (let cut = 1; cut <= 3; cut++) {
      await announce(sent);
      networks[1].cut();
      await bob.waitForFunction((cut) => window.reasons.length === cut, cut);
      await announce(sent + 20);
      networks[1].restore();
      await bob.waitForFunction(() => window.socket.connected);
      await announce(sent + 40);
      sent += 60;
    }
    const numbers = Array.from({ length: sent }, (_, number) => number);
    for (const page of [ann, bob]) {
      await page.waitForFunction((sent) => window.announced.length >= sent, sent);
      await page.evaluate(() => window.socket.emitWithAck("acknowledge"));
      assert.deepEqual(await page.evaluate(() => window.announced), numbers);
    }
    assert.deepEqual(await bob.evaluate(() => [window.socket.id, window.socket.recovered]), [id, true]);
    assert.deepEqual(await ann.evaluate(() => window.reasons), []);
  });

  test(`${name}: a middleware lets a page in by its credentials`, async (t) => {
    const network = await Network.start(t, (await server(t)).port);
    const page = await tab(t, network, transports, "/members", { name: "Ann", word: "sesame" });
    assert.equal(await page.evaluate(() => window.socket.emitWithAck("who am I")), "Ann");
    const refused = await page.evaluate(async () => {
      window.socket.auth = { name: "Ann", word: "please" };
      window.socket.disconnect().connect();
      const error = await new Promise((resolve) => window.socket.once("connect_error", resolve));
      return [error.message, error.data];
    });
    assert.deepEqual(refused, ["wrong word", { name: "Ann" }]);
  });
}
