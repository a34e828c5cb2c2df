// Streams of a server, read by hand, and a proxy that cuts them.

import { connect, createServer } from "node:net";
import { once } from "node:events";

import { within } from "./deadline.mjs";

/** A response whose body is read line by line; cancelled when the test `t` is over. */
export class Lines {
  #reader;
  #text = "";
  #decoder = new TextDecoder();

  constructor(t, response) {
    this.#reader = response.body.getReader();
    t.after(() => this.cancel());
  }

  /** The next line that is not empty; `undefined` at the end. */
  async next(what) {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        if (line !== "") return line;
        continue;
      }
      const { done, value } = await within(this.#reader.read(), what);
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  cancel() {
    return this.#reader.cancel().catch(() => {});
  }
}

/**
 * A proxy of the server, closed when the test `t` is over. `cut()` ends all connections; `received()` is how many bytes
 * the server has sent through it.
 */
export async function proxy(t, server) {
  const sockets = new Set();
  let received = 0;
  const listener = createServer((client) => {
    const upstream = connect(server.port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.on("data", (bytes) => (received += bytes.length));
    client.pipe(upstream).pipe(client);
  });
  const cut = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    cut();
    listener.close();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const page = `http://127.0.0.1:${listener.address().port}`;
  const http = (path) => page + path;
  return { cut, received: () => received, http, ws: (path) => http(path).replace(/^http/, "ws") };
}
