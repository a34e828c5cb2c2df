// A channel whose order is the truth: everybody applies its publications in the order of their offsets, and so has the
// same state. Who comes late begins with the newest snapshot in the history; those who have the state publish one from
// time to time. What `state` must have:
//   begin()            the state before the first publication; the channel is new, or all of it is in the history
//   resume(snapshot)   goes on from a snapshot; returns false if it is none
//   restart(offset)    nobody has the state any more: after this offset it is what is here
//   snapshot()         { kind: "snapshot", at: the offset of the last publication in it, … }
//   receive(publication)

/** All in milliseconds. */
const RETRY = 1_000;
/** How long who has no state waits for somebody who has. */
const WAIT_FOR_HELP = 2_000;
/** The history is forgotten after ten minutes without a publication. */
const KEEP_ALIVE = 240_000;
const SNAPSHOT_EVERY = 100;
const PAGE = 300;

export class OrderedChannel {
  /** Called when the state is known, and when it is not any more. */
  onready = () => {};
  /** Called when the connection is back: what was being published may be lost, or not. */
  onback = () => {};

  #state;
  #room;
  #epoch;
  /** The offset of the last publication that the state has, in this epoch. */
  #offset;
  #oldest = 1;
  /** What was published while the state was not known, or held. */
  #seen = [];
  #isReady = false;
  #isHeld = false;
  #help;
  #lastSnapshot = 0;
  #snapshotTimer;

  constructor(hub, channel, state) {
    this.#state = state;
    this.#room = hub.subscribe(channel, {
      recover: true,
      onpublication: (publication) => this.#take(publication),
      onsubscribed: (answer) => this.#entered(answer),
    });
  }

  get isReady() {
    return this.#isReady;
  }

  publish(data) {
    return this.#room.publish(data);
  }

  /** Between these two calls the state does not change. */
  hold() {
    this.#isHeld = true;
  }

  release() {
    this.#isHeld = false;
    if (this.#isReady) this.#catchUp();
  }

  #take(publication) {
    const { kind } = publication.data ?? {};
    if (kind === "snapshot") {
      this.#lastSnapshot = publication.offset;
      this.#snapshotIn(KEEP_ALIVE * (1 + Math.random() / 4));
    } else if (publication.offset - this.#lastSnapshot > SNAPSHOT_EVERY) {
      this.#lastSnapshot = publication.offset;
      this.#snapshotIn(Math.random() * 2_000);
    }
    if (kind === "need") this.#snapshotIn(Math.random() * 400);
    this.#seen.push(publication);
    if (this.#isReady && !this.#isHeld) this.#catchUp();
    else if (this.#help !== undefined && kind === "snapshot") this.#begin();
  }

  #catchUp() {
    for (const publication of this.#seen.splice(0)) {
      if (publication.offset <= this.#offset) continue;
      this.#offset = publication.offset;
      try {
        this.#state.receive({ ...publication, data: publication.data ?? {} });
      } catch (error) {
        console.warn("a publication cannot follow what is here; reading the history again", error);
        this.#offset = undefined;
        this.#unready();
        setTimeout(() => this.#load(), RETRY);
        return;
      }
    }
  }

  #entered({ recovered, wasRecovering, epoch }) {
    if (this.#isReady && wasRecovering && recovered && epoch === this.#epoch) return this.onback();
    this.#load();
  }

  #unready() {
    this.#isReady = false;
    clearTimeout(this.#help);
    this.#help = undefined;
    this.onready(false);
  }

  /** Reads the whole history. */
  async #load() {
    this.#unready();
    const history = [];
    try {
      for (;;) {
        const last = history.at(-1);
        const since = last && { offset: last.offset, epoch: this.#epoch };
        const { publications, offset, epoch } = await this.#room.history({ limit: PAGE, since });
        if (this.#epoch !== epoch) [this.#offset, this.#lastSnapshot] = [undefined, 0];
        this.#epoch = epoch;
        history.push(...publications);
        this.#oldest = history[0]?.offset ?? offset + 1;
        if (publications.length < PAGE) break;
      }
    } catch (error) {
      if (error.code !== 0) setTimeout(() => this.#load(), RETRY); // else the connection is lost, and comes back
      return;
    }
    const end = history.at(-1)?.offset ?? this.#oldest - 1;
    this.#seen = [...history, ...this.#seen.filter(({ offset }) => offset > end)];
    this.#begin();
  }

  /** Goes on from what is known, from the beginning of the channel, or from the newest snapshot. */
  #begin() {
    if (this.#offset !== undefined && this.#offset + 1 >= this.#oldest) return this.#ready();
    if (this.#oldest === 1) {
      this.#state.begin();
      this.#offset = 0;
      return this.#ready();
    }
    for (const { data } of [...this.#seen].reverse()) {
      if (data?.kind !== "snapshot" || !(data.at + 1 >= this.#oldest) || !this.#state.resume(data)) continue;
      this.#offset = data.at;
      return this.#ready();
    }
    this.#askForHelp();
  }

  #ready() {
    clearTimeout(this.#help);
    this.#help = undefined;
    this.#isReady = true;
    this.#catchUp();
    if (!this.#isReady) return;
    this.onready(true);
    this.onback();
  }

  /** Somebody may have the state. Else it begins anew, with what is here. */
  #askForHelp() {
    if (this.#help !== undefined) return;
    this.publish({ kind: "need" }).catch(() => {});
    this.#help = setTimeout(() => {
      this.#offset = this.#seen.at(-1)?.offset ?? this.#oldest - 1;
      this.#seen = [];
      this.#state.restart(this.#offset);
      this.#snapshotIn(0);
      this.#ready();
    }, WAIT_FOR_HELP);
  }

  /** If somebody else publishes one before, this one is not needed. */
  #snapshotIn(delay) {
    clearTimeout(this.#snapshotTimer);
    this.#snapshotTimer = setTimeout(() => {
      if (this.#isReady && this.#offset > 0) this.publish(this.#state.snapshot()).catch(() => {});
      this.#snapshotIn(KEEP_ALIVE * (1 + Math.random() / 4));
    }, delay);
  }
}
