// The official client of Yjs, y-websocket, and real documents against `/yjs/{name}`.

import assert from "node:assert/strict";
import { test } from "node:test";

import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { connect, refused } from "../support/client.mjs";
import { within } from "../support/deadline.mjs";
import { serve } from "../support/server.mjs";

/** Waits until a condition holds, which can only change when something of these emitters happens. */
function until(condition, what, ...emitters) {
  const events = ["update", "change", "status", "sync", "connection-close"];
  const held = new Promise((resolve) => {
    const look = () => {
      if (!condition()) return;
      for (const emitter of emitters) for (const event of events) emitter.off(event, look);
      resolve();
    };
    for (const emitter of emitters) for (const event of events) emitter.on(event, look);
    look();
  });
  return within(held, what);
}

/** A document with its provider, both gone when the test `t` is over. */
function open(t, server, name, options = {}) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(server.ws("/yjs"), name, doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true, // what arrives came from the server
    maxBackoffTime: 50,
    ...options,
  });
  t.after(() => {
    provider.destroy();
    doc.destroy();
  });
  return { doc, provider, text: doc.getText("text"), awareness: provider.awareness };
}

const synced = ({ provider }) => until(() => provider.synced, "synchronisation", provider);
const same = (a, b) => Buffer.compare(Y.encodeStateVector(a.doc), Y.encodeStateVector(b.doc)) === 0;
const agree = (a, b) => until(() => same(a, b), "agreement", a.doc, b.doc);
const reads = (editor, expected) => until(() => editor.text.toString() === expected, `text ${expected}`, editor.doc);

test("two edit a text at once, and a third who comes late gets all of it", async (t) => {
  const server = await serve(t);
  const [ada, grace] = [open(t, server, "letter"), open(t, server, "letter")];
  await Promise.all([synced(ada), synced(grace)]);
  ada.text.insert(0, "Dear all");
  grace.text.insert(0, "P.S. ");
  await agree(ada, grace);
  assert.equal(ada.text.toString(), grace.text.toString());
  grace.text.delete(0, 3);
  await reads(ada, grace.text.toString());

  const late = open(t, server, "letter");
  await reads(late, ada.text.toString());
  const other = open(t, server, "another");
  await synced(other);
  assert.equal(other.text.toString(), "");
});

test("what was edited offline is merged on return", async (t) => {
  const server = await serve(t);
  const [ada, grace] = [open(t, server, "letter"), open(t, server, "letter")];
  await Promise.all([synced(ada), synced(grace)]);
  ada.text.insert(0, "one two three");
  await reads(grace, "one two three");

  ada.provider.disconnect();
  ada.text.delete(4, 4);
  ada.text.insert(0, "zero ");
  grace.text.insert(13, " four");
  grace.text.delete(0, 1);
  grace.text.insert(0, "O");
  ada.provider.connect();
  await agree(ada, grace);
  assert.equal(ada.text.toString(), grace.text.toString());
  assert.match(ada.text.toString(), /three four$/);
});

test("a line that is cut comes back by itself, and nothing is lost", async (t) => {
  const server = await serve(t);
  const [ada, grace] = [open(t, server, "letter"), open(t, server, "letter")];
  await Promise.all([synced(ada), synced(grace)]);
  for (let round = 0; round < 5; round += 1) {
    ada.text.insert(ada.text.length, `a${round} `);
    grace.text.insert(0, `g${round} `);
    for (const { provider } of [ada, grace]) provider.ws.terminate();
    ada.text.insert(ada.text.length, `b${round} `);
  }
  await agree(ada, grace);
  const words = ada.text.toString().trim().split(" ").sort();
  assert.deepEqual(words, ["a", "b", "g"].flatMap((kind) => [0, 1, 2, 3, 4].map((round) => `${kind}${round}`)));
});

test("maps, arrays, rich text, XML and nested types arrive as they are", async (t) => {
  const server = await serve(t);
  const ada = open(t, server, "all");
  const map = ada.doc.getMap("map");
  ada.doc.transact(() => {
    map.set("number", 1.5);
    map.set("deep", { list: [1, null, true, "ä😀", new Uint8Array([1, 2])], big: 2 ** 40 });
    map.set("overwritten", 1);
    map.set("overwritten", 2);
    map.set("gone", "x");
    map.delete("gone");
    const list = new Y.Array();
    map.set("array", list);
    list.insert(0, [1, 2, 3, 4, 5]);
    list.delete(1, 2);
    ada.text.insert(0, "bold 😀 end", { bold: true });
    ada.text.insertEmbed(2, { image: "x.png" });
    ada.text.format(0, 3, { italic: {} });
    const xml = ada.doc.getXmlFragment("xml");
    const paragraph = new Y.XmlElement("p");
    xml.insert(0, [paragraph]);
    paragraph.setAttribute("class", "a");
    paragraph.insert(0, [new Y.XmlText("inside")]);
    ada.doc.getMap("sub").set("doc", new Y.Doc({ guid: "sub" }));
  });
  await synced(ada);
  const grace = open(t, server, "all");
  await agree(ada, grace);
  assert.deepEqual(grace.doc.getMap("map").toJSON(), map.toJSON());
  assert.deepEqual(grace.text.toDelta(), ada.text.toDelta());
  assert.equal(grace.doc.getXmlFragment("xml").toString(), '<p class="a">inside</p>');
  assert.equal(grace.doc.getMap("sub").get("doc").guid, "sub");
});

test("many edit at random, come and go, and agree in the end", async (t) => {
  const server = await serve(t);
  let state = 7;
  const below = (count) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const editors = Array.from({ length: 4 }, () => open(t, server, "random"));
  await Promise.all(editors.map(synced));
  for (let step = 0; step < 600; step += 1) {
    const { doc, text, provider } = editors[below(editors.length)];
    const list = doc.getArray("list");
    switch (below(8)) {
      case 0:
        text.delete(0, Math.min(text.length, below(6)));
        break;
      case 1: {
        const at = below(text.length + 1);
        text.delete(at, Math.min(text.length - at, below(4)));
        break;
      }
      case 2:
        list.insert(below(list.length + 1), [step, { step }]);
        break;
      case 3:
        if (list.length > 0) list.delete(below(list.length), 1);
        break;
      case 4:
        doc.getMap("map").set(`key ${below(5)}`, step);
        break;
      case 5:
        if (below(4) === 0) provider.ws?.terminate();
        else if (below(20) === 0) await new Promise(setImmediate);
        break;
      default:
        text.insert(below(text.length + 1), ["a", "😀", "word ", "ß"][below(4)]);
    }
  }
  const late = open(t, server, "random");
  await Promise.all([...editors, late].map(synced));
  for (const editor of [...editors.slice(1), late]) await agree(editor, editors[0]);
  // A state vector says nothing of deletions: one more change of each comes after them.
  for (const [index, editor] of editors.entries()) editor.doc.getMap("done").set(`${index}`, true);
  const isDone = ({ doc }) => until(() => doc.getMap("done").size === editors.length, "last change", doc);
  await Promise.all([...editors, late].map(isDone));
  for (const { doc } of [...editors.slice(1), late]) {
    assert.equal(doc.getText("text").toString(), editors[0].text.toString());
    assert.deepEqual(doc.getArray("list").toJSON(), editors[0].doc.getArray("list").toJSON());
    assert.deepEqual(doc.getMap("map").toJSON(), editors[0].doc.getMap("map").toJSON());
  }
});

test("a large document arrives whole, and typing keeps it small", async (t) => {
  const server = await serve(t);
  const ada = open(t, server, "book");
  await synced(ada);
  const paragraph = "It was a dark and stormy night; the rain fell in torrents. ";
  for (let count = 0; count < 10_000; count += 1) ada.text.insert(ada.text.length, paragraph);
  // One character at a time, as people do.
  for (let count = 0; count < 5_000; count += 1) ada.text.insert(100 + count, "x");
  ada.text.delete(1_000, 2_000);
  ada.doc.getMap("done").set("writing", true);
  const grace = open(t, server, "book");
  await until(() => grace.doc.getMap("done").has("writing"), "whole book", grace.doc);
  assert.equal(grace.text.toString(), ada.text.toString());
  const size = Y.encodeStateAsUpdate(ada.doc).length;
  const answer = await missing(t, server, "book");
  assert.ok(answer.length < size * 1.05, `the server sends ${answer.length} bytes, the author would send ${size}`);
});

/** What the server sends to a client that has nothing. */
async function missing(t, server, name) {
  const client = await connect(t, server.ws(`/yjs/${name}`));
  client.send(Buffer.from([0, 0, 1, 0]));
  for (;;) {
    const data = await client.message();
    if (data[0] === 0 && data[1] === 1) return data;
  }
}

test("who is there, and where; and not any more when the connection ends", async (t) => {
  const server = await serve(t);
  const [ada, grace] = [open(t, server, "letter"), open(t, server, "letter")];
  ada.awareness.setLocalStateField("user", { name: "Ada" });
  await synced(ada);
  const sees = (name) => [...grace.awareness.getStates().values()].some((state) => state.user?.name === name);
  await until(() => sees("Ada"), "Ada", grace.awareness);

  // Someone who comes later is told at once.
  const late = open(t, server, "letter");
  await until(() => late.awareness.getStates().has(ada.doc.clientID), "Ada for who comes late", late.awareness);

  // Without a word, as when the power fails.
  ada.provider.shouldConnect = false;
  ada.provider.ws.terminate();
  await until(() => !sees("Ada"), "departure", grace.awareness);
});

test("a client that comes back before its old connection ended stays", async (t) => {
  const server = await serve(t);
  const grace = open(t, server, "letter");
  await synced(grace);
  const state = (clock, name) => {
    const json = Buffer.from(JSON.stringify({ user: { name } }));
    const update = Buffer.concat([Buffer.from([1, 77, clock, json.length]), json]);
    return Buffer.concat([Buffer.from([1, update.length]), update]);
  };
  const name = () => grace.awareness.getStates().get(77)?.user.name;
  const old = await connect(t, server.ws("/yjs/letter"));
  old.send(state(1, "old"));
  await until(() => name() === "old", "old connection", grace.awareness);
  const back = await connect(t, server.ws("/yjs/letter"));
  back.send(state(2, "back"));
  await until(() => name() === "back", "new connection", grace.awareness);
  await old.close();
  // The next word of the new connection comes after all that the end of the old one could cause.
  back.send(state(3, "still here"));
  const seen = [];
  grace.awareness.on("change", () => seen.push(name()));
  await until(() => name() === "still here", "new connection", grace.awareness);
  assert.deepEqual(seen, ["still here"]);
});

test("a lonely client hears its own awareness, so that it does not take the line for dead", async (t) => {
  const server = await serve(t);
  const ada = open(t, server, "letter");
  await synced(ada);
  const heard = within(new Promise((resolve) => ada.provider.ws.on("message", resolve)), "own awareness");
  ada.awareness.setLocalStateField("user", { name: "Ada" });
  assert.equal(new Uint8Array(await heard)[0], 1);
});

test("what is not of the protocol ends its own connection, and nothing else", async (t) => {
  const server = await serve(t);
  const ada = open(t, server, "letter");
  await synced(ada);
  ada.text.insert(0, "unharmed");
  const update = (...bytes) => Buffer.from([0, 2, bytes.length, ...bytes]);
  const deep = Buffer.concat([Buffer.from([1, 1, 1, 0, 8, 1, 1, 97, 1]), Buffer.alloc(200_000, Buffer.from([117, 1])), Buffer.from([126, 0])]);
  const length = Buffer.from([0x80 | (deep.length & 127), 0x80 | ((deep.length >> 7) & 127), deep.length >> 14]);
  for (const [what, bytes, code] of [
    ["text", "hello", 1003],
    ["nothing", Buffer.alloc(0), 1007],
    ["an unknown message", Buffer.from([9]), 1007],
    ["half an update", update(1, 1, 1), 1007],
    ["a map of 268 million entries", update(1, 1, 1, 0, 8, 1, 1, 97, 1, 118, 0xff, 0xff, 0xff, 0x7f, 0), 1007],
    ["a clock beyond all others", update(1, 1, 1, 0xff, 0xff, 0xff, 0xff, 15, 0, 5, 0), 1007],
    ["a hundred thousand arrays in one another", Buffer.concat([Buffer.from([0, 2]), length, deep]), 1007],
    ["an awareness that is no text", Buffer.from([1, 5, 1, 1, 1, 1, 0xff]), 1007],
    ["a message that is too large", Buffer.alloc(5 << 20), 1009],
  ]) {
    const client = await connect(t, server.ws("/yjs/letter"));
    client.send(bytes);
    const closed = await client.closed();
    assert.equal(closed.code, code, `${what}: ${closed.reason}`);
  }
  const grace = open(t, server, "letter");
  await reads(grace, "unharmed");
});

test("a name is not too long", async (t) => {
  const server = await serve(t);
  assert.equal((await refused(server.ws(`/yjs/${"x".repeat(129)}`))).status, 404);
});

test("documents are an endpoint of the demos, for WebSockets alone", async (t) => {
  const server = await serve(t);
  assert.equal((await fetch(server.http("/yjs/letter"))).status, 426);
  const without = await serve(t, { args: ["--no-demo"] });
  assert.equal((await refused(without.ws("/yjs/letter"))).status, 404);
  assert.equal((await fetch(without.http("/yjs/letter"))).status, 404);
});
