// A device in a tab. It has a connection of its own, as a device elsewhere would.

import { Hub } from "/demo/shared/hub.js";

const STATE_EVERY = 10; // readings

export class TabDevice {
  name = `tab-${Math.random().toString(36).slice(2, 6)}`;

  #hub = new Hub();
  #t = 20 + Math.random() * 4;
  #readings = 0;
  #state = { led: false, every: 1000 };
  #timer;

  // how it works
  constructor() {
    this.#hub.subscribe("demo-sensors:fleet", { onsubscribed: () => this.#publish({ state: this.#state }) });
    this.#hub.subscribe(`demo-sensors:${this.name}`, {
      recover: true,
      onpublication: ({ data }) => this.#obey(data ?? {}),
    });
    this.#read();
  }

  #obey({ id, led, every }) {
    if (typeof led === "boolean") this.#state.led = led;
    if (Number.isFinite(every)) this.#state.every = Math.min(Math.max(every, 200), 3_600_000);
    this.#read();
    this.#publish({ ack: id, state: this.#state });
  }

  #read() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.#t += (Math.random() - 0.5) * 0.3;
      this.#readings += 1;
      const state = this.#readings % STATE_EVERY === 0 ? this.#state : undefined;
      this.#publish({ t: Math.round(this.#t * 100) / 100, state });
    }, this.#state.every);
  }

  /** Without a connection a reading is dropped: the next one replaces it. */
  #publish(report) {
    const data = { d: this.name, ...report };
    this.#hub.call("publish", { channel: "demo-sensors:readings", data }).catch(() => {});
  }
  // so far

  stop() {
    clearInterval(this.#timer);
    this.#hub.close();
  }
}
