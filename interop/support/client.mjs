// Node's `ws` as a client.

import WebSocket from "ws";

import { within } from "./deadline.mjs";
import { Queue } from "./queue.mjs";

/** An open connection; dropped when the test `t` is over. `options` are those of `ws`, with `protocols` added. */
export async function connect(t, url, { protocols = [], ...options } = {}) {
  const client = new Client(new WebSocket(url, protocols, options));
  t.after(() => client.vanish());
  await within(client.opened, `handshake with ${url}`);
  return client;
}

/** The HTTP response to a handshake that must not succeed. */
export function refused(url, options = {}) {
  const socket = new WebSocket(url, [], options);
  const response = new Promise((resolve, reject) => {
    socket.on("open", () => reject(new Error(`${url} accepted the handshake`)));
    socket.on("error", reject);
    socket.on("unexpected-response", async (_request, message) => {
      const { statusCode: status, headers } = message;
      resolve({ status, headers, body: (await message.setEncoding("utf8").toArray()).join("") });
    });
  });
  return within(response, `answer of ${url}`);
}

class Client {
  opened;
  #socket;
  #messages = new Queue();
  #closed;

  constructor(socket) {
    this.#socket = socket;
    this.opened = new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.on("message", (data, isBinary) => this.#messages.push(isBinary ? data : data.toString()));
    this.#closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  get protocol() {
    return this.#socket.protocol;
  }

  send(data, options = {}) {
    this.#socket.send(data, options);
  }

  /** Bytes past `ws`, which would not send a malformed frame. */
  sendRaw(bytes) {
    this.#socket._socket.write(Buffer.from(bytes));
  }

  /** The next message: a string if it is text, a Buffer if it is binary. */
  message() {
    return this.#messages.next("message");
  }

  /** The payload of the pong that answers a ping with `payload`. */
  async ping(payload = "") {
    const pong = new Promise((resolve) => this.#socket.once("pong", resolve));
    this.#socket.ping(payload);
    return (await within(pong, "pong")).toString();
  }

  close(code, reason) {
    this.#socket.close(code, reason);
    return this.closed();
  }

  /** Code and reason of the Close frame that the server sent; 1005 for one without a code, 1006 for none. */
  closed() {
    return within(this.#closed, "end of the connection");
  }

  /** Ends the transport without a Close frame. */
  vanish() {
    this.#socket.terminate();
  }
}
