// The live list of what passes through the proxy.

import { Connection, endpoint } from "/connection.js";
import { ConnectionStatus } from "/status.js";

/** The most rows that are kept: the oldest go first. */
const MAX_ROWS = 2000;

const byId = (id) => document.getElementById(id);
const list = byId("list");
const filter = byId("filter");
const kind = byId("kind");
const pause = byId("pause");
const detail = byId("detail");

/** All rows, oldest first: `{ line, element }`. */
let rows = [];
/** What arrived while paused. */
let held = [];
let missed = 0;
let isPaused = false;
let lastNumber = 0;
let run;
let selected;

const CONTROL = new Set(["ping", "pong", "close"]);
const MESSAGES = new Set(["text", "binary", "unreadable"]);
const WANTED = {
  all: () => true,
  messages: (line) => MESSAGES.has(line.kind),
  sent: (line) => line.direction === "sent",
  received: (line) => line.direction === "received",
  control: (line) => CONTROL.has(line.kind),
};

const withoutSpace = (text) => text.replace(/\s/gu, "");

/** What the filter's text accepts. A text between slashes is a regular expression. */
function textFilter() {
  filter.removeAttribute("aria-invalid");
  const text = filter.value.trim().toLowerCase();
  const pattern = /^\/(.+)\/([a-z]*)$/u.exec(filter.value.trim());
  if (pattern === null) {
    // What is copied from indented JSON has spaces that the message may not have.
    const copied = text.includes('"') ? withoutSpace(text) : undefined;
    return (data) => {
      const given = data.toLowerCase();
      return given.includes(text) || (copied !== undefined && withoutSpace(given).includes(copied));
    };
  }
  try {
    const expression = new RegExp(pattern[1], pattern[2].replace(/[gy]/gu, ""));
    return (data) => expression.test(data);
  } catch {
    filter.setAttribute("aria-invalid", "true");
    return () => true;
  }
}

let accepts = textFilter();

function isShown({ line }) {
  return WANTED[kind.value](line) && accepts(line.data);
}

/** Text that is shown as text, whatever is in it. */
function part(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

function arrow(direction) {
  if (direction === "sent") return "↑";
  return direction === "received" ? "↓" : "·";
}

function summaryOf(line) {
  const isPlain = line.kind === "text" || line.direction === undefined;
  const data = line.data.slice(0, 500);
  return isPlain ? data : `${line.kind} ${data}`.trim();
}

function rowOf(line) {
  const element = document.createElement("li");
  element.setAttribute("role", "option");
  element.id = `line-${line.number}`;
  element.classList.add(line.kind, line.direction ?? "note");
  if (CONTROL.has(line.kind)) element.classList.add("control");
  const direction = part("arrow", arrow(line.direction));
  if (line.direction !== undefined) {
    direction.append(part("visually-hidden", line.direction === "sent" ? " from the client " : " from the server "));
  }
  const size = line.size === undefined ? "" : `${line.size.toLocaleString("en")} B`;
  element.append(
    part("time", line.time),
    part("connection-number", `#${line.connection}`),
    direction,
    part("data", summaryOf(line)),
    part("note", line.note ?? ""),
    part("size", size),
  );
  return { line, element };
}

function summarize() {
  const shown = list.childElementCount;
  const parts = [`${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`];
  if (isPaused) parts.push(`paused, ${(held.length + missed).toLocaleString("en")} more have passed`);
  byId("summary").textContent = rows.length === 0 && !isPaused ? "Nothing has passed yet." : parts.join(" · ");
}

function add(line) {
  const row = rowOf(line);
  rows.push(row);
  if (isShown(row)) list.append(row.element);
  while (rows.length > MAX_ROWS) {
    const oldest = rows.shift();
    if (oldest === selected) deselect();
    oldest.element.remove();
  }
}

/** New rows are followed while the last one is in view. */
function following(change) {
  const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  change();
  if (follows) list.scrollTop = list.scrollHeight;
  summarize();
}

function receive(data) {
  const line = JSON.parse(data);
  if (line.kind === "run") {
    // A proxy that was started again counts anew.
    if (line.run !== run) lastNumber = 0;
    run = line.run;
    return;
  }
  // The history of a new connection repeats what was seen.
  if (line.number <= lastNumber) return;
  lastNumber = line.number;
  if (isPaused) {
    held.push(line);
    if (held.length > MAX_ROWS) {
      held.shift();
      missed += 1;
    }
    summarize();
  } else {
    pending.push(line);
    if (pending.length === 1) requestAnimationFrame(flush);
    // A page in the background has no frames for as long as it stays there.
    if (pending.length > MAX_ROWS) pending.shift();
  }
}

/** Many lines in one frame of the screen change the list once. */
let pending = [];
function flush() {
  const lines = pending;
  pending = [];
  following(() => lines.forEach(add));
}

function refilter() {
  accepts = textFilter();
  list.replaceChildren(...rows.filter(isShown).map(({ element }) => element));
  if (selected && !selected.element.isConnected) deselect();
  list.scrollTop = list.scrollHeight;
  summarize();
}

function prettyJson(text) {
  try {
    const value = JSON.parse(text);
    // Numbers may not survive being read: then the text stays as it is.
    const isSame = withoutSpace(JSON.stringify(value)) === withoutSpace(text);
    return typeof value === "object" && isSame ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}

function select(row) {
  selected?.element.setAttribute("aria-selected", "false");
  selected = row;
  row.element.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", row.element.id);
  row.element.scrollIntoView({ block: "nearest" });
  const { line } = row;
  const from = { sent: "from the client", received: "from the server" }[line.direction];
  byId("detail-head").textContent = [line.kind, from, `connection ${line.connection}`, line.time, line.note]
    .filter(Boolean)
    .join(" · ");
  byId("detail-data").textContent = line.kind === "text" ? prettyJson(line.data) : line.data;
  detail.hidden = false;
}

function deselect() {
  selected?.element.setAttribute("aria-selected", "false");
  selected = undefined;
  list.removeAttribute("aria-activedescendant");
  detail.hidden = true;
}

list.addEventListener("click", (event) => {
  const element = event.target.closest("li");
  const row = rows.find((row) => row.element === element);
  if (row) select(row);
});

const KEYS = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index) => index - 1,
  PageDown: (index) => index + 10,
  PageUp: (index) => index - 10,
  Home: () => 0,
  End: (_, count) => count - 1,
};

list.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return deselect();
  const move = KEYS[event.key];
  const shown = rows.filter(({ element }) => element.isConnected);
  if (!move || shown.length === 0) return;
  event.preventDefault();
  const start = selected ? shown.indexOf(selected) : event.key.startsWith("Arrow") ? shown.length : 0;
  const index = Math.min(Math.max(move(start, shown.length), 0), shown.length - 1);
  select(shown[index]);
});

byId("close-detail").addEventListener("click", () => {
  deselect();
  list.focus();
});

filter.addEventListener("input", refilter);
kind.addEventListener("change", refilter);
document.querySelector(".tools").addEventListener("submit", (event) => event.preventDefault());

pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  const lines = held;
  held = [];
  missed = 0;
  following(() => lines.forEach(add));
});

byId("clear").addEventListener("click", () => {
  rows = [];
  deselect();
  list.replaceChildren();
  summarize();
});

const connection = new Connection(endpoint("/live"));
const status = new ConnectionStatus(byId("panel"), () => connection.reconnectNow());
connection.onstate = (state) => status.show(state);
connection.onmessage = receive;
summarize();
connection.open();
