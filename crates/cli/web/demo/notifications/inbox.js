// The notifications, the newest first. What came in quick succession is one line.

import { element } from "/demo/shared/page.js";

const MOST = 200;
const MOST_CHARACTERS = 300;

/** More than so many, each within this many milliseconds of the one before, are a burst. */
const FEW = 3;
const TOGETHER = 1_000;

/** The runs of quick succession, the newest run first. */
function runs(publications) {
  const found = [];
  for (const publication of publications) {
    const run = found.at(-1);
    if (run !== undefined && publication.time - run.at(-1).time <= TOGETHER) run.push(publication);
    else found.push([publication]);
  }
  return found.reverse();
}

/** `Order shipped × 20, Payment received × 5` */
function summary(run) {
  const counts = new Map();
  for (const { data } of run) counts.set(titleOf(data), (counts.get(titleOf(data)) ?? 0) + 1);
  const parts = [...counts].map(([title, count]) => (count > 1 ? `${title} × ${count}` : title));
  return parts.length > FEW ? `${parts.slice(0, FEW).join(", ")} and more` : parts.join(", ");
}

const clip = (text) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)} …` : text);
const titleOf = (data) => clip(typeof data?.title === "string" ? data.title : JSON.stringify(data));

function clock(time) {
  const date = new Date(time);
  return element("time", { datetime: date.toISOString() }, date.toLocaleTimeString());
}

export class Inbox {
  #list;
  #empty;
  /** By offset, in order. */
  #publications = [];
  /** The entries of runs that have several, by the offset of the first. */
  #bursts = new Map();
  #readTo = 0;
  #frame;

  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
  }

  get newest() {
    return this.#publications.at(-1)?.offset ?? 0;
  }

  clear() {
    this.#publications = [];
    this.#showSoon();
  }

  /** Adds a publication where it belongs, unless it is there. */
  add(publication) {
    const all = this.#publications;
    const at = all.findLastIndex(({ offset }) => offset <= publication.offset);
    if (all[at]?.offset === publication.offset) return;
    all.splice(at + 1, 0, publication);
    if (all.length > MOST) all.shift();
    this.#showSoon();
  }

  /** Shows what was read. Returns how many were not. */
  showRead(readTo) {
    this.#readTo = readTo;
    this.#showSoon();
    return this.#publications.filter(({ offset }) => offset > readTo).length;
  }

  /** At most once for each picture of the screen. A hidden tab draws none. */
  #showSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#show());
  }

  #show() {
    this.#empty.hidden = this.#publications.length > 0;
    const shown = new Set();
    const items = runs(this.#publications).flatMap((run) => {
      if (run.length <= FEW) return run.toReversed().map((publication) => this.#item(publication));
      shown.add(run[0].offset);
      return [this.#burst(run)];
    });
    for (const offset of this.#bursts.keys()) if (!shown.has(offset)) this.#bursts.delete(offset);
    const kept = new Set(items);
    for (const item of [...this.#list.children]) if (!kept.has(item)) item.remove();
    for (const [index, item] of items.entries()) {
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    }
  }

  #item({ offset, data, time }) {
    const item = element("li", { dataset: { offset } }, element("b", {}, titleOf(data)), clock(time));
    if (typeof data?.text === "string") item.append(element("p", {}, clip(data.text)));
    item.classList.toggle("unread", offset > this.#readTo);
    return item;
  }

  /** The same element as before, so that it stays open, and keeps the focus. */
  #burst(run) {
    const key = run[0].offset;
    if (!this.#bursts.has(key)) {
      const details = element("details", {}, element("summary"), element("ol"));
      this.#bursts.set(key, element("li", { className: "burst" }, details));
    }
    const item = this.#bursts.get(key);
    const [first, last] = [run[0], run.at(-1)];
    item.classList.toggle("unread", last.offset > this.#readTo);
    item.querySelector("summary").replaceChildren(
      element("b", {}, `${run.length} notifications`),
      clock(first.time),
      element("span", {}, summary(run)),
    );
    item.querySelector("ol").replaceChildren(...run.map((publication) => this.#item(publication)));
    return item;
  }
}
