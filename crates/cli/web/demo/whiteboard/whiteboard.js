// The whiteboard: pens, pointers, and the channel. What is on the board is in board.js, how it is drawn in canvas.js.

import { Hub } from "/demo/shared/hub.js";
import { OrderedChannel } from "/demo/shared/ordered.js";
import { Page, element } from "/demo/shared/page.js";
import { People, author, ownName } from "/demo/shared/people.js";
import { Board, HEIGHT, MOST_POINTS_OF_STROKE, WIDTH, WIDTHS, isStroke, simplify } from "/demo/whiteboard/board.js";
import { Canvas } from "/demo/whiteboard/canvas.js";

/** Milliseconds. */
const BETWEEN_POINTERS = 50;
const RETRY = 1_000;
/** How far an arrow key moves the pen, in the units of the board. */
const STEP = 20;
const SHORT_STEP = 4;

const page = new Page();
const surface = document.getElementById("board");
const nameField = document.getElementById("name");
const saved = document.getElementById("saved");
/** Each with its pointer: `x`, `y`, and the stroke that it draws. */
const others = new People(document.getElementById("people"), page);

/** What is published, and has not come back: shown at once, and published again after a loss of the connection. */
const unsaved = [];
/** The own strokes, the newest last. */
const own = [];
let drawing; // the stroke under the own pen
let pen; // where the own pen is: { x, y }
let strokeCount = 0;

// how it works
const hub = new Hub();
const board = new Board();
const channel = new OrderedChannel(hub, "demo:whiteboard", {
  receive(publication) {
    board.receive(publication);
    saw(publication.data);
  },
  snapshot: () => board.snapshot(),
  resume: (snapshot) => board.resume(snapshot),
  // so far
  begin: () => begin(),
  restart: (offset) => board.restart(offset),
  // how it works
});

/** One after the other, and again what may not have arrived. */
async function publish() {
  while (unsaved.length > 0 && channel.isReady) {
    const publication = unsaved[0];
    await channel.publish(publication);
    if (unsaved[0] === publication) unsaved.shift();
    show();
  }
}

// Pointers, and strokes that are not finished, go over a channel without a history. It is enough to get the newest.
const pointers = hub.subscribe("demo-latest:whiteboard-pointers", {
  joinLeave: true,
  onpublication: ({ data, info }) => pointed(data ?? {}, info?.client),
  onleave: ({ client }) => others.left(client),
  // so far
  onjoin: () => pointSoon(),
  onsubscribed: () => {
    others.clear();
    pointSoon();
  },
  // how it works
});
// so far

/** Somebody's stroke is finished: it is on the board now. */
function saw({ kind, stroke }) {
  const other = others.get(stroke?.author);
  if (kind === "stroke" && other?.stroke?.id === stroke.id) other.stroke = undefined;
  show();
}

/** The server was restarted and has forgotten the board. All who have it say what was on it; doubles have no effect. */
function begin() {
  const strokes = board.strokes;
  board.begin();
  unsaved.unshift(...strokes.map((stroke) => ({ kind: "stroke", stroke })));
}

channel.onready = () => show();
channel.onback = () => publishSoon();
let isPublishing = false;

async function publishSoon() {
  show();
  if (isPublishing || !hub.isOpen) return;
  isPublishing = true;
  try {
    await publish();
  } catch (error) {
    // Without a connection, `onback` comes later.
    if (error.code !== 0) setTimeout(publishSoon, RETRY);
  } finally {
    isPublishing = false;
  }
}

// The own pen

const chosen = (name) => Number(document.querySelector(`input[name="${name}"]:checked`).value);

function penDown(x, y) {
  strokeCount += 1;
  const id = `${author}-${strokeCount}`;
  drawing = { id, author, colour: chosen("colour"), width: WIDTHS[chosen("width")], points: [x, y] };
}

function penMoved(x, y) {
  pen = { x, y };
  if (drawing !== undefined && (drawing.points.at(-2) !== x || drawing.points.at(-1) !== y)) {
    drawing.points.push(x, y);
    if (drawing.points.length >= 2 * MOST_POINTS_OF_STROKE) {
      penUp();
      penDown(x, y);
    }
  }
  pointSoon();
  canvas.draw();
}

function penUp() {
  if (drawing === undefined) return;
  const stroke = { ...drawing, points: simplify(drawing.points) };
  drawing = undefined;
  own.push(stroke.id);
  unsaved.push({ kind: "stroke", stroke });
  publishSoon();
}

function undo() {
  const id = own.pop();
  if (id === undefined) return;
  unsaved.push({ kind: "remove", id });
  page.announce("The last stroke is gone.");
  publishSoon();
}

// By mouse, finger and pen

surface.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || drawing !== undefined) return;
  surface.setPointerCapture(event.pointerId);
  penDown(...canvas.place(event));
  penMoved(...canvas.place(event));
});
surface.addEventListener("pointermove", (event) => {
  if (!event.isPrimary) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const part of events.length > 0 ? events : [event]) penMoved(...canvas.place(part));
});
for (const end of ["pointerup", "pointercancel"]) surface.addEventListener(end, penUp);
surface.addEventListener("pointerleave", () => {
  if (drawing !== undefined) return;
  pen = undefined;
  pointSoon();
});

// By keyboard

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

surface.addEventListener("keydown", (event) => {
  const direction = DIRECTIONS[event.key];
  const { x, y } = pen ?? { x: WIDTH / 2, y: HEIGHT / 2 };
  if (direction) {
    const step = event.shiftKey ? SHORT_STEP : STEP;
    const move = (at, by, most) => Math.min(most, Math.max(0, at + by * step));
    penMoved(move(x, direction[0], WIDTH), move(y, direction[1], HEIGHT));
  } else if (event.key === " " || event.key === "Enter") {
    const wasDown = drawing !== undefined;
    if (wasDown) penUp();
    else penDown(x, y);
    penMoved(x, y);
    page.announce(wasDown ? "Pen up." : "Pen down.");
  } else if (event.key === "Escape") {
    penUp();
  } else {
    return;
  }
  event.preventDefault();
});
surface.addEventListener("blur", penUp);
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target === nameField) return;
  event.preventDefault();
  undo();
});
document.getElementById("undo").addEventListener("click", undo);
document.getElementById("save").addEventListener("click", async () => {
  const href = URL.createObjectURL(await canvas.png());
  element("a", { href, download: "whiteboard.png" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
});

// The pointers of others

let pointTimer;

function pointSoon() {
  pointTimer ??= setTimeout(() => {
    pointTimer = undefined;
    if (hub.isOpen) pointers.publish({ author, name: nameField.value, ...pen, stroke: drawing }).catch(() => {});
  }, BETWEEN_POINTERS);
}

function pointed(data, client) {
  const other = others.met(data, client);
  if (other === undefined) return;
  const { x, y, stroke } = data;
  const isThere = Number.isFinite(x) && Number.isFinite(y);
  const isNew = isStroke(stroke) && !board.strokes.some(({ id }) => id === stroke.id);
  // What was finished stays here until it has come by the other channel.
  Object.assign(other, { x, y, isThere }, isNew && { stroke });
  canvas.draw();
}

nameField.addEventListener("input", pointSoon);
ownName(nameField);

// What is shown

const canvas = new Canvas(surface, () => {
  const removed = new Set(unsaved.filter(({ kind }) => kind === "remove").map(({ id }) => id));
  const strokes = [...board.strokes, ...unsaved.filter(({ kind }) => kind === "stroke").map(({ stroke }) => stroke)];
  const unfinished = [...[...others.values()].map(({ stroke }) => stroke), drawing].filter(Boolean);
  const shown = [...others.values()].filter(({ isThere }) => isThere);
  if (pen && document.activeElement === surface) shown.push({ ...pen, author, name: drawing ? "Pen down" : "Pen up" });
  return { strokes: [...strokes.filter(({ id }) => !removed.has(id)), ...unfinished], pointers: shown };
});

function show() {
  canvas.draw();
  const waits = hub.isOpen ? "Saving …" : `${unsaved.length} to be sent when the connection is back`;
  const count = board.strokes.length;
  saved.textContent = unsaved.length > 0 ? waits : count === 1 ? "1 stroke" : `${count} strokes`;
  document.body.dataset.strokes = count;
}

const inks = () => {
  const labels = document.querySelectorAll('input[name="colour"] + span');
  for (const [index, ink] of canvas.inks().entries()) labels[index].style.setProperty("--ink", ink);
};
inks();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", inks);

hub.onstate = (state) => {
  page.show(state);
  show();
};
page.onreconnect = () => hub.reconnectNow();
