// Runs in a page, beside the official client of Centrifugo: a client or a subscription, driven from a test.

const EVENTS = [
  "token",
  ...["connecting", "connected", "disconnected", "error"],
  ...["subscribing", "subscribed", "unsubscribed", "publication", "join", "leave"],
];

/** The methods whose last argument is data, which a protobuf client takes and gives as bytes. */
const WITH_DATA = ["publish", "rpc", "send"];

window.Peer = class Peer {
  #emitter;
  #binary;
  #events = new Map();

  constructor(emitter, binary) {
    this.#emitter = emitter;
    this.#binary = binary;
    for (const name of EVENTS) {
      this.#events.set(name, { seen: [], taken: 0, wake: () => {} });
      emitter.on(name, (context) => this.#happened(name, context));
    }
  }

  /** `tokens` are given out one after another, each with an event of this name. */
  static client({ binary, endpoint, tokens = [], ...options }) {
    const delays = { minReconnectDelay: 10, maxReconnectDelay: 50 };
    return Peer.#asking(tokens, binary, (getToken) => {
      return new window.Centrifuge(endpoint, { ...delays, ...getToken, ...options });
    });
  }

  subscription(channel, { tokens = [], ...options } = {}) {
    return Peer.#asking(tokens, this.#binary, (getToken) => {
      return this.#emitter.newSubscription(channel, { ...getToken, ...options });
    });
  }

  static #asking(tokens, binary, create) {
    const getToken = async () => {
      peer.#happened("token", {});
      return tokens.shift() ?? "";
    };
    const peer = new Peer(create(tokens.length > 0 ? { getToken } : {}), binary);
    return peer;
  }

  /** What the method returns, or the error's code and message. */
  async call(method, ...args) {
    if (this.#binary && WITH_DATA.includes(method)) {
      args.push(new TextEncoder().encode(JSON.stringify(args.pop())));
    }
    try {
      return { value: this.#plain(await this.#emitter[method](...args)) };
    } catch (error) {
      return { error: { code: error.code, message: String(error.message) } };
    }
  }

  /** The next event of this name that was not taken yet. */
  async next(name) {
    const events = this.#events.get(name);
    while (events.taken === events.seen.length) await new Promise((resolve) => (events.wake = resolve));
    return events.seen[events.taken++];
  }

  /** How many events of this name there have been. */
  count(name) {
    return this.#events.get(name).seen.length;
  }

  #happened(name, context) {
    const events = this.#events.get(name);
    events.seen.push(this.#plain(context));
    events.wake();
  }

  /** A copy without bytes, which hold JSON. */
  #plain(value) {
    if (value === undefined) return undefined;
    const read = (bytes) => (bytes.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(bytes)));
    return JSON.parse(JSON.stringify(value, (_, item) => (item instanceof Uint8Array ? read(item) : item)));
  }
};
