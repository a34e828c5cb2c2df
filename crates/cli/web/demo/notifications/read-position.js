// How far the user has read: an offset of the channel, the same in all tabs.

const KEY = "demo-notifications-read";

export class ReadPosition {
  position = 0;

  #epoch;
  #onchange;
  #tabs = new BroadcastChannel(KEY);

  constructor(onchange) {
    this.#onchange = onchange;
    this.#tabs.onmessage = ({ data }) => this.#advance(data);
  }

  /** Positions count within an epoch. */
  follow(epoch) {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.position = 0;
    const [remembered, offset] = (localStorage.getItem(KEY) ?? "").split(" ");
    if (remembered === epoch) this.position = Number(offset) || 0;
    this.#onchange(this.position);
  }

  set(offset) {
    this.#advance({ epoch: this.#epoch, offset });
    localStorage.setItem(KEY, `${this.#epoch} ${this.position}`);
    this.#tabs.postMessage({ epoch: this.#epoch, offset });
  }

  #advance({ epoch, offset }) {
    if (epoch !== this.#epoch || offset <= this.position) return;
    this.position = offset;
    this.#onchange(offset);
  }
}
