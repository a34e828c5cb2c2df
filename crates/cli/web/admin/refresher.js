// Keeps what is shown up to date.

const EVERY = 3_000; // milliseconds

/** Calls `refresh` now and every few seconds while a view is shown. One call runs at a time. */
export class Refresher {
  #refresh;
  #onfailure;
  #timer;
  #running;
  #isStale = false;

  /** `onfailure` gets the error of a failed call, or nothing after one that succeeded. */
  constructor(refresh, onfailure) {
    this.#refresh = refresh;
    this.#onfailure = onfailure;
  }

  /** Resolves after a call that began no earlier than this one. */
  start() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => document.hidden || this.#running || this.#run(), EVERY);
    if (this.#running) this.#isStale = true;
    else this.#run();
    return this.#running;
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #run() {
    this.#running = this.#repeat();
  }

  async #repeat() {
    do {
      this.#isStale = false;
      try {
        await this.#refresh();
        this.#onfailure();
      } catch (error) {
        this.#onfailure(error);
      }
    } while (this.#isStale && this.#timer !== undefined);
    this.#running = undefined; // at once: a call of `start` after the last look at `isStale` begins anew
  }
}
