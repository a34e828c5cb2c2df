// The clock of the server, as seen from here: so that two computers agree on when a picture was taken.

export class ServerClock {
  /** Milliseconds to add to this page's clock, and the round trip with which that was measured. */
  #offset = 0;
  #roundTrip = Infinity;

  get isSet() {
    return this.#roundTrip < Infinity;
  }

  now() {
    return performance.now() + this.#offset;
  }

  // how it works
  /** The server answered with its time `now` to a question of `sent`. The fastest answer tells most. */
  answered({ sent, now }) {
    const received = performance.now();
    const roundTrip = received - sent;
    this.#roundTrip *= 1.05; // an old measurement counts less, as clocks drift
    if (roundTrip > this.#roundTrip) return;
    this.#roundTrip = roundTrip;
    this.#offset = now + roundTrip / 2 - received;
  }
  // so far

  /** After a reconnection the server may be another one. */
  reset() {
    this.#roundTrip = Infinity;
  }
}
