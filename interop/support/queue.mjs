import { within } from "./deadline.mjs";

/** What arrived, to be taken out in order by a test that waits for it. */
export class Queue {
  #items = [];
  #waiting = [];

  push(item) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  async next(what) {
    if (this.#items.length > 0) return this.#items.shift();
    return within(new Promise((resolve) => this.#waiting.push(resolve)), what);
  }
}
