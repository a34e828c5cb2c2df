// The Socket.IO server of `longwire-interop`, and what the tests with the official client do with it.

import assert from "node:assert/strict";
import { io } from "socket.io-client";

import { within } from "./deadline.mjs";
import { longwireInterop } from "./environment.mjs";
import { Program } from "./program.mjs";
import { Queue } from "./queue.mjs";

/** How a client connects. */
export const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

/** The server with these settings, such as `recovery=60`, on a free port; ended when the test `t` is over. */
export async function server(t, ...settings) {
  const program = new Program(t, ["socketio", "127.0.0.1:0", ...settings], longwireInterop());
  const [, url, engine] = await program.printed(/^(http:\S+) (\S+)$/m);
  return {
    url,
    port: Number(new URL(url).port),
    engine,
    /** Asks it to shut down; its exit code. */
    stop: () => program.endInput().exit(),
  };
}

/** The URLs of so many servers that an adapter connects; ended when the test `t` is over. */
export async function nodes(t, count) {
  const program = new Program(t, ["socketio", "127.0.0.1:0", `nodes=${count}`], longwireInterop());
  const lines = Array.from({ length: count }, () => "^(http:\\S+) \\S+$");
  const [, ...urls] = await program.printed(new RegExp(lines.join("\\s+"), "m"));
  return urls;
}

/** A client that connects; it leaves when the test `t` is over. */
export function client(t, url, options = {}) {
  const made = io(url, {
    forceNew: true,
    reconnectionDelay: 10,
    reconnectionDelayMax: 50,
    ...options,
  });
  t.after(() => made.io.engine?.close());
  t.after(() => made.disconnect());
  return made;
}

/** The same, connected. */
export async function connected(t, url, options) {
  const made = client(t, url, options);
  await event(made, "connect");
  return made;
}

/** The arguments of the next event of this name. */
export function event(emitter, name) {
  const happened = new Promise((resolve) => emitter.once(name, (...values) => resolve(values)));
  return within(happened, `event "${name}"`);
}

/** Sends an event, and returns all arguments of the acknowledgement. */
export function ask(socket, ...values) {
  const answered = new Promise((resolve) => socket.emit(...values, (...answer) => resolve(answer)));
  return within(answered, `answer to "${values[0]}"`);
}

/** Waits until the client uses WebSocket. */
export async function upgraded({ io: { engine } }) {
  while (engine.transport.name !== "websocket") await event(engine, "upgrade");
}

/** What arrives of an event: the first argument each. */
export class Numbers {
  #arrived = new Queue();
  #next = 0;

  constructor(socket, name) {
    socket.on(name, (number) => this.#arrived.push(number));
  }

  /** All numbers up to `end`, without it, arrive in order, none twice. */
  async upTo(end) {
    for (; this.#next < end; this.#next++) {
      assert.equal(await this.#arrived.next(`number ${this.#next}`), this.#next);
    }
  }
}
