// The demos of `longwire serve` in Chromium: tabs, each with a network of its own that can be cut.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { launch } from "./browser.mjs";
import { serve } from "./server.mjs";

const SIZES = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
];

/**
 * Launches a browser before the tests of a file and closes it after them: `const demos = demoTests(before, after)`.
 * `args` are more arguments of the browser.
 */
export function demoTests(before, after, args = []) {
  const state = {};
  before(async () => {
    state.browser = await launch(args);
  });
  after(() => state.browser?.close());
  return {
    /** A server, and visits to the demo of this name. `options` are those of `serve`. */
    start: async (t, name, options) => new Demo(t, name, await serve(t, options), state.browser, options),
  };
}

class Demo {
  #t;
  #name;
  #browser;

  #options;

  constructor(t, name, server, browser, options) {
    this.#t = t;
    this.#options = options;
    this.#name = name;
    this.#browser = browser;
    this.server = server;
  }

  /** Stops the server, and starts it again at the same port. */
  async restart() {
    await this.server.stop();
    this.server = await serve(this.#t, { ...this.#options, port: this.server.port });
  }

  /**
   * A tab with storage and a network of its own. `path` follows the demo's; the rest are options of Playwright. With
   * `beside`, it shares storage and network with that tab.
   */
  async tab({ path = "", beside, ...options } = {}) {
    const network = beside?.network ?? (await Network.start(this.#t, this.server.port));
    const url = network.http(`/demo/${this.#name}${path}`);
    if (beside === undefined) return new DemoTab(await this.#browser.tab(this.#t, url, options), network);
    return new DemoTab(await this.#browser.tabOf(beside.page.context(), url), network);
  }
}

export class DemoTab {
  constructor(page, network) {
    this.page = page;
    this.network = network;
  }

  /** Waits until the page shows that its connection is "open", "connecting" or "closed". */
  async is(state) {
    await this.page.locator(`body[data-state="${state}"]`).waitFor();
    return this;
  }

  /** Cuts the network, and waits until the page shows it. */
  async cut() {
    this.network.cut();
    await this.is("closed");
  }

  /** Brings the network back, and waits until the page is connected again. */
  async restore() {
    this.network.restore();
    await this.page.evaluate(() => dispatchEvent(new Event("online")));
    await this.is("open");
  }

  /**
   * Opens "How it works" for a while: it shows lines of each source, enough to understand and not too many to read. Returns
   * all of them.
   */
  async explains() {
    const all = [];
    await this.page.locator("details.how summary").first().click();
    for (const shown of await this.page.locator("details.how pre[data-source]").all()) {
      await shown.locator("code").waitFor();
      const lines = (await shown.textContent()).trim().split("\n");
      assert.ok(lines.length >= 5 && lines.length <= 60, `${lines.length} lines`);
      all.push(...lines);
    }
    await this.page.locator("details.how summary").first().click();
    return all;
  }

  /** Nothing is wider than the page, on a phone and on a desktop. */
  async fits() {
    for (const size of SIZES) {
      await this.page.setViewportSize(size);
      const [content, width] = await this.page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      assert.ok(content <= width, `${content} px of content at ${size.width} px`);
    }
  }

  /** Neither the page nor its Content-Security-Policy complained; that the network was cut is no complaint. */
  hasNoComplaints() {
    const others = this.page.complaints.filter((complaint) => !/WebSocket connection|ERR_/.test(complaint));
    assert.deepEqual(others, []);
  }

  /** Writes pictures, dark and light, phone and desktop, to the folder PICTURES, if that is set. */
  async pictures(name) {
    const folder = process.env.PICTURES;
    if (!folder) return;
    for (const size of SIZES) {
      await this.page.setViewportSize(size);
      for (const colorScheme of ["light", "dark"]) {
        await this.page.emulateMedia({ colorScheme });
        await this.page.screenshot({ path: `${folder}/${name}-${size.width}-${colorScheme}.png`, fullPage: true });
      }
    }
  }
}

/** Bytes that a slow network passes at once. */
const PART = 512;

/** A proxy of the server, which can be down, or so silent that nobody sees its end. */
export class Network {
  #sockets = new Set();
  #isUp = true;
  #isFrozen = false;
  #bytesPerSecond = Infinity;
  /** When what has passed would have arrived on a network this slow. */
  #isDeaf = false;
  #listener;

  /**
   * Called before something of a connection passes; it passes when the promise that this returns is resolved. `sent` tells
   * how many pieces each side has sent, `opening` is the client's first one as text, and `cut` ends the connection.
   */
  beforePassing;

  static async start(t, port) {
    const network = new Network();
    network.#listener = createServer((client) => network.#accept(client, port));
    network.#listener.listen(0, "127.0.0.1");
    await once(network.#listener, "listening");
    t.after(() => {
      network.cut();
      network.#listener.close();
    });
    return network;
  }

  #accept(client, port) {
    if (!this.#isUp) return client.destroy();
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      if (this.#isFrozen) socket.pause();
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const connection = { sent: { client: 0, server: 0 }, cut: () => client.destroy() };
    client.once("data", (bytes) => (connection.opening = bytes.toString("latin1")));
    this.#relay(client, connection, "client", (bytes) => upstream.write(bytes));
    this.#relay(upstream, connection, "server", (bytes) => this.#isDeaf || this.#pass(bytes, upstream, client));
    if (this.#isFrozen) this.freeze();
  }

  #relay(from, connection, side, pass) {
    let previous = Promise.resolve();
    from.on("data", (bytes) => {
      connection.sent[side] += 1;
      const allowed = this.beforePassing?.(connection);
      previous = previous.then(() => allowed).then(() => pass(bytes));
    });
  }

  /** In small parts, as a slow line does: a long pause would look like a dead one. */
  async #pass(bytes, from, to) {
    if (this.#bytesPerSecond === Infinity) return void to.write(bytes);
    from.pause();
    for (let at = 0; at < bytes.length && !to.destroyed; at += PART) {
      const part = bytes.subarray(at, at + PART);
      to.write(part);
      await delay((1000 * part.length) / this.#bytesPerSecond);
    }
    if (!this.#isFrozen) from.resume();
  }

  /** The address of a page, by this network. */
  http(path) {
    return `http://127.0.0.1:${this.#listener.address().port}${path}`;
  }

  /** Ends all connections, and refuses new ones. */
  cut() {
    this.#isUp = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore() {
    this.#isUp = true;
    this.#isDeaf = false;
  }

  /** What the server sends is lost, until the next `restore`. */
  deafen() {
    this.#isDeaf = true;
  }

  /** From here on nothing passes, and no connection ends. */
  freeze() {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** New connections work, while the old ones stay frozen: their other ends do not know. */
  replace() {
    this.#isFrozen = false;
  }

  /** From here on, what comes from the server passes at most this fast. */
  slow(bytesPerSecond) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  thaw() {
    this.#isFrozen = false;
    for (const socket of this.#sockets) socket.resume();
  }
}
