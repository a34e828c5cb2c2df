// Collaborative editing: the text area, the carets, and the channel. The merging is in shared-text.js and ot.js.

import { Hub } from "/demo/shared/hub.js";
import { OrderedChannel } from "/demo/shared/ordered.js";
import { Page } from "/demo/shared/page.js";
import { People, author, ownName } from "/demo/shared/people.js";
import { drawCarets } from "/demo/editor/carets.js";
import { difference, endOfChange, movePosition } from "/demo/editor/ot.js";
import { MOST_CHARACTERS, SharedText } from "/demo/editor/shared-text.js";

/** All in milliseconds. */
const BETWEEN_EDITS = 100;
const BETWEEN_CARETS = 200;
const RETRY = 1_000;

const page = new Page();
const area = document.getElementById("text");
const mirror = document.querySelector(".mirror");
const nameField = document.getElementById("name");
const saved = document.getElementById("saved");
const notice = document.getElementById("notice");
/** Each with its caret, `from` and `to`. */
const others = new People(document.getElementById("people"), page);

// how it works
const hub = new Hub();
const text = new SharedText(author);
const channel = new OrderedChannel(hub, "demo:editor", {
  receive({ offset, data }) {
    const change = text.receive(offset, data); // the edit of another, moved to where it belongs here
    if (change) showChange(change);
    publishSoon(); // what was typed while an own edit was in flight
  },
  snapshot: () => text.snapshot(),
  // so far
  begin: () => replaceText(() => text.begin()),
  resume: (snapshot) => replaceText(() => text.resume(snapshot)),
  restart: (offset) => replaceText(() => text.restart(offset)),
  // how it works
});

area.addEventListener("input", () => {
  text.edit(difference(text.text, area.value)); // it is in the text of this author at once
  changed();
});

async function publish() {
  const publication = text.take(); // nothing while an own edit is in flight
  if (publication) await channel.publish(publication);
}
// so far

channel.onready = (isReady) => {
  if (isReady && area.readOnly) page.announce("The text is here.");
  area.readOnly = !isReady;
  show();
};
channel.onback = () => {
  text.publishAgain();
  publishSoon();
};

let publishTimer;
let mayPublishAt = 0;

function publishSoon() {
  publishTimer ??= setTimeout(publishNow, Math.max(0, mayPublishAt - Date.now()));
  show();
}

async function publishNow() {
  publishTimer = undefined;
  if (!channel.isReady || !hub.isOpen) return;
  mayPublishAt = Date.now() + BETWEEN_EDITS;
  try {
    await publish();
  } catch (error) {
    if (error.code === 0) return; // the connection is lost; when it is back, `onback` publishes again
    mayPublishAt = Date.now() + RETRY;
    text.publishAgain();
    publishSoon();
  }
}

// The text

area.maxLength = MOST_CHARACTERS;

/** Shows what somebody else has changed. The author's own caret stays with its text. */
function showChange({ op, author: by, lost }) {
  const { selectionStart, selectionEnd, selectionDirection } = area;
  area.value = text.text;
  area.setSelectionRange(movePosition(selectionStart, op), movePosition(selectionEnd, op), selectionDirection);
  moveCarets(op);
  const other = others.get(by);
  if (other) other.from = other.to = endOfChange(op);
  if (lost !== undefined) showLost(lost);
}

function replaceText(replace) {
  const before = text.text;
  const result = replace();
  showChange({ op: difference(before, text.text) });
  return result;
}

function showLost(lost) {
  const details = document.getElementById("lost");
  details.querySelector("pre").textContent = lost;
  details.hidden = false;
  notice.textContent = "The others have another text, and yours had to give way.";
}

/** The author has typed, or with `op` taken something back. */
function changed(op) {
  if (op) {
    area.value = text.text;
    area.setSelectionRange(endOfChange(op), endOfChange(op));
  }
  moveCarets(op ?? difference(shown, text.text));
  notice.textContent = shown.length >= MOST_CHARACTERS ? "The text is full." : "";
  publishSoon();
}

function step(direction) {
  const op = area.readOnly ? undefined : text[direction]();
  if (op) changed(op);
}

document.getElementById("undo").addEventListener("click", () => step("undo"));
document.getElementById("redo").addEventListener("click", () => step("redo"));
// The browser's own undo knows nothing of what others wrote.
area.addEventListener("beforeinput", (event) => {
  if (event.inputType === "historyUndo" || event.inputType === "historyRedo") event.preventDefault();
});
area.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
  event.preventDefault();
  step(key === "y" || event.shiftKey ? "redo" : "undo");
});

// While an input method composes a character, the text area must be left alone.
area.addEventListener("compositionstart", () => channel.hold());
area.addEventListener("compositionend", () => channel.release());

// The carets of the others

/** The text that the carets are in. */
let shown = "";
/** Carets in a text that is still on its way. */
let early = [];
let caretTimer;

const caretRoom = hub.subscribe("demo-latest:editor-carets", {
  joinLeave: true,
  onpublication: ({ data, info }) => caretMoved(data ?? {}, info?.client),
  onjoin: () => caretSoon(),
  onleave: ({ client }) => {
    others.left(client);
    show();
  },
  onsubscribed: () => {
    others.clear();
    caretSoon();
  },
});

function caretSoon() {
  caretTimer ??= setTimeout(() => {
    caretTimer = undefined;
    // It is a place in the text that everybody has.
    if (!channel.isReady || !hub.isOpen || text.hasUnsaved) return;
    const [from, to] = [area.selectionStart, area.selectionEnd];
    caretRoom.publish({ author, name: nameField.value, from, to, base: text.offset }).catch(() => {});
  }, BETWEEN_CARETS);
}

document.addEventListener("selectionchange", () => document.activeElement === area && caretSoon());
nameField.addEventListener("input", caretSoon);
ownName(nameField);

function caretMoved(data, client) {
  if (data.base > text.offset && early.length < 50) return void early.push([data, client]);
  const [from, to] = [text.locate(data.from, data.base), text.locate(data.to, data.base)];
  const other = others.met(data, client);
  if (other) Object.assign(other, { from: from ?? other.from ?? 0, to: to ?? other.to ?? 0 });
  drawCarets(mirror, shown, [...others.values()]);
}

function moveCarets(op) {
  shown = text.text;
  for (const other of others.values()) {
    other.from = movePosition(other.from, op);
    other.to = movePosition(other.to, op);
  }
}

// What is shown around the text

let wasSaved = true;

function show() {
  for (const [data, client] of early.splice(0)) caretMoved(data, client);
  drawCarets(mirror, shown, [...others.values()]);
  const isSaved = !text.hasUnsaved;
  const unsaved = hub.isOpen ? "Saving …" : "Your changes wait for the connection";
  saved.textContent = !channel.isReady && hub.isOpen ? "Loading …" : isSaved ? "All changes are saved" : unsaved;
  if (isSaved && !wasSaved) caretSoon();
  wasSaved = isSaved;
}

hub.onstate = (state) => {
  page.show(state);
  show();
};
page.onreconnect = () => hub.reconnectNow();

document.querySelector("#yjs code").textContent = `npm install yjs y-websocket

import * as Y from "yjs";
import { WebsocketProvider } from "y-websocket";

const doc = new Y.Doc();
new WebsocketProvider("${location.origin.replace(/^http/, "ws")}/yjs", "my-document", doc);
doc.getText("text").observe((event) => console.log(event.delta));`;
