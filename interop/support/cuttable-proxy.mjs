// A TCP proxy between a node and its broker, which a test can cut.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class CuttableProxy {
  #server;
  #pairs = new Set();
  #isCut = false;

  /** Leads to this port; ended when the test `t` is over. */
  static async to(t, port) {
    const proxy = new CuttableProxy();
    proxy.#server = createServer((near) => proxy.#accept(near, port)).listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    t.after(() => {
      proxy.#server.close();
      proxy.heal();
    });
    return proxy;
  }

  get port() {
    return this.#server.address().port;
  }

  #accept(near, port) {
    const far = connect(port, "127.0.0.1");
    this.#pairs.add([near, far]);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.on("error", () => {});
      from.on("close", () => to.destroy());
      // While it is cut, bytes vanish, as behind a firewall.
      from.on("data", (bytes) => this.#isCut || to.write(bytes));
    }
  }

  /** From now on, nothing comes through, and nobody notices by an error. */
  cut() {
    this.#isCut = true;
  }

  /** Connections from before are gone, and new ones come through. */
  heal() {
    this.#isCut = false;
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }
}
