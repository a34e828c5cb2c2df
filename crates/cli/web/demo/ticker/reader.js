// What a reader of numbered updates knows: how many it received, how many it did not, and how late they came.

export class Reader {
  received = 0;
  skipped = 0;
  away = 0;
  /** How much later than the fastest update so far the last one came, in milliseconds. Clocks may differ. */
  late;

  #last = new Map();
  #wasAway = new Set();
  #fastest = Infinity;

  /** An update of one stream: its number `n`, and when it was published. Returns whether it is new. */
  take(stream, n, time) {
    const last = this.#last.get(stream);
    if (n === last) return false;
    // A smaller number is of a server that has begun anew.
    const missed = last === undefined || n < last ? 0 : n - last - 1;
    if (this.#wasAway.delete(stream)) this.away += missed;
    else this.skipped += missed;
    this.received += 1;
    this.#last.set(stream, n);
    const took = Date.now() - time;
    this.#fastest = Math.min(this.#fastest, took);
    this.late = took - this.#fastest;
    return true;
  }

  /** The connection is lost: the next gap of each stream is not the doing of a slow reader. */
  goAway() {
    this.#wasAway = new Set(this.#last.keys());
  }
}
