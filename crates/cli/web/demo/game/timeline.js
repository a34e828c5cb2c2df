// Snapshots come thirty times a second, some late; the screen is drawn sixty times a second or more. What is shown is a
// tenth of a second old, and lies between two snapshots that are here already.

import { TICKS_PER_SECOND } from "./protocol.js";

const TICK = 1000 / TICKS_PER_SECOND; // milliseconds
const DELAY = 100;
const KEPT = 30; // snapshots

export class Timeline {
  #snapshots = [];
  /** What to subtract from the page's clock for that of the server's ticks. */
  #offset;

  get newest() {
    return this.#snapshots.at(-1);
  }

  clear() {
    this.#snapshots = [];
    this.#offset = undefined;
  }

  // how it works
  /** Adds a snapshot that arrived at `now`. The fastest one so far tells how late the others are. */
  add(snapshot, now) {
    if (this.newest && snapshot.tick <= this.newest.tick) return;
    this.#snapshots.push(snapshot);
    if (this.#snapshots.length > KEPT) this.#snapshots.shift();
    const offset = now - snapshot.tick * TICK;
    this.#offset = Math.min(offset, (this.#offset ?? offset) + 0.2); // forgets slowly, as clocks drift
  }

  /** Where everybody is at `now`: between the snapshot before and the one after. */
  at(now) {
    const tick = (now - this.#offset - DELAY) / TICK;
    const after = this.#snapshots.find((snapshot) => snapshot.tick >= tick) ?? this.newest;
    const before = this.#snapshots.findLast((snapshot) => snapshot.tick <= tick) ?? after;
    if (before === undefined || before === after) return after;
    const share = (tick - before.tick) / (after.tick - before.tick);
    const from = new Map(before.players.map((player) => [player.seat, player]));
    const players = after.players.map((player) => between(from.get(player.seat), player, share));
    return { ...after, players };
  }
  // so far
}

/** A new life begins elsewhere: nobody flies there. */
function between(from, to, share) {
  if (from === undefined || from.life !== to.life) return to;
  const mix = (name) => from[name] + (to[name] - from[name]) * share;
  return { ...to, x: mix("x"), y: mix("y"), radius: mix("radius") };
}
