// What was said, in the order of the channel.

import { element } from "/demo/shared/page.js";

const MOST_SHOWN = 200;
const MOST_CHARACTERS = 4_000;

const clip = (text, most) => (text.length > most ? `${text.slice(0, most)} …` : text);

/** The name that the token of a client has. */
export const nameOf = (info) => clip(String(info?.conn_info?.name ?? "").trim(), 40) || "anonymous";

export class Log {
  #log;
  #list;
  #empty;
  #user;

  /** `user` returns the id of this page's user. */
  constructor(log, user) {
    this.#log = log;
    this.#list = log.querySelector("ol");
    this.#empty = log.querySelector(".empty");
    this.#user = user;
    this.startAgain();
  }

  startAgain() {
    for (const item of this.#list.querySelectorAll("li:not(.waiting)")) item.remove();
    this.#empty.hidden = this.#list.childElementCount > 0;
  }

  /** Adds a publication where it belongs, unless it is there. */
  add({ offset, data, info, time, recovered }) {
    if (this.#list.querySelector(`[data-offset="${offset}"]`)) return;
    if (data?.id !== undefined) this.#list.querySelector(`.waiting[data-id="${CSS.escape(data.id)}"]`)?.remove();
    const isOurs = typeof data?.text === "string";
    const text = isOurs ? data.text : JSON.stringify(data);
    const className = [info?.user === this.#user() ? "own" : "other", recovered && "recovered", !isOurs && "foreign"];
    const item = element("li", { className: className.filter(Boolean).join(" "), dataset: { offset } });
    item.append(
      element("span", { className: "name" }, info === undefined ? "back end" : nameOf(info)),
      clock(time),
      element("p", {}, clip(text, MOST_CHARACTERS)),
    );
    this.#insert(item, offset);
  }

  /** An own message that the server does not have yet. */
  wait(id, text) {
    const item = element("li", { className: "own waiting", dataset: { id } });
    item.append(element("span", { className: "name" }, "you"), element("span", { className: "hint" }, "sending …"));
    item.append(element("p", {}, text));
    this.#insert(item, Infinity);
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  refused(id, reason) {
    const item = this.#list.querySelector(`.waiting[data-id="${CSS.escape(id)}"]`);
    if (item) item.querySelector(".hint").textContent = `not sent: ${reason}`;
  }

  /** The connection is back, and nothing is missing. */
  back(missed) {
    const what = missed === 1 ? "recovered 1 message" : `recovered ${missed} messages`;
    this.#insert(element("li", { className: "note" }, `Connected again: ${what}.`), this.#lastOffset());
  }

  #lastOffset() {
    return Number([...this.#list.querySelectorAll("[data-offset]")].at(-1)?.dataset.offset ?? 0);
  }

  /** Scrolls to the newest message unless the reader has scrolled back. */
  #insert(item, offset) {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const atEnd = scrollHeight - scrollTop - clientHeight < 40;
    const isLater = (other) => other.classList.contains("waiting") || Number(other.dataset.offset) > offset;
    let before = null;
    let other = this.#list.lastElementChild;
    while (other !== null && isLater(other)) [before, other] = [other, other.previousElementSibling];
    this.#list.insertBefore(item, before);
    while (this.#list.childElementCount > MOST_SHOWN) this.#list.firstElementChild.remove();
    this.#empty.hidden = true;
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

function clock(time) {
  const date = new Date(time ?? Date.now());
  const shown = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return element("time", { dateTime: date.toISOString() }, shown);
}
