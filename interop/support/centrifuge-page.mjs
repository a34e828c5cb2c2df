// The official client of Centrifugo in a page of a browser, from its bundle as published.

import { fileURLToPath } from "node:url";

import { within } from "./deadline.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const BUNDLES = {
  json: file("../node_modules/centrifuge/dist/centrifuge.js"),
  protobuf: file("../node_modules/centrifuge/dist/centrifuge.protobuf.js"),
};

/** A page of the server, with the client for this encoding; closed when the test `t` is over. */
export async function centrifugePage(t, browser, server, encoding) {
  const page = await browser.tab(t, server.http("/health"));
  await page.addScriptTag({ path: BUNDLES[encoding] });
  await page.addScriptTag({ path: file("centrifuge-page.js") });
  return new CentrifugePage(page, encoding);
}

class CentrifugePage {
  #page;
  #binary;

  constructor(page, encoding) {
    this.#page = page;
    this.#binary = encoding === "protobuf";
  }

  /** A client, which does not connect yet. */
  async client(options) {
    const settings = { binary: this.#binary, ...options };
    return new Peer(await this.#page.evaluateHandle((settings) => window.Peer.client(settings), settings));
  }

  /** A client that is connected. `transport` says how. */
  async connected(options) {
    const client = await this.client(options);
    await client.call("connect");
    const { transport } = await client.next("connected");
    return Object.assign(client, { transport });
  }
}

/** A client or a subscription in the page. */
class Peer {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  /** Subscribes, and waits for the answer. */
  async subscribed(channel, options) {
    const create = (peer, [channel, options]) => peer.subscription(channel, options);
    const subscription = new Peer(await this.#handle.evaluateHandle(create, [channel, options]));
    await subscription.call("subscribe");
    return Object.assign(subscription, { answer: await subscription.next("subscribed") });
  }

  /** What the method of the client or subscription returns. Its errors have the code that the server sent. */
  async call(method, ...args) {
    const { value, error } = await this.#ask("call", method, ...args);
    if (error) throw Object.assign(new Error(error.message), error);
    return value;
  }

  /** The next event of this name. */
  next(event) {
    return this.#ask("next", event);
  }

  /** How many events of this name there have been. */
  count(event) {
    return this.#ask("count", event);
  }

  #ask(method, ...args) {
    const answer = this.#handle.evaluate((peer, [method, args]) => peer[method](...args), [method, args]);
    return within(answer, `${method} ${args[0] ?? ""}`);
  }
}
