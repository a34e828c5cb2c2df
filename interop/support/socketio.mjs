// Clients of Socket.IO: the official one, as it is published.

import { io } from "socket.io-client";

import { PATIENCE, within } from "./deadline.mjs";
import { Queue } from "./queue.mjs";

export const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

/** A client, disconnected when the test `t` is over. `events` has what the hub says: `[name, ...arguments]`. */
export function socket(t, server, transports, options = {}) {
  const made = io(server.http("/"), {
    transports,
    forceNew: true,
    reconnectionDelay: 10,
    reconnectionDelayMax: 50,
    ...options,
  });
  t.after(() => made.disconnect());
  const events = new Queue();
  made.onAny((...event) => events.push(event));
  return Object.assign(made, { events, ask: (...event) => made.timeout(PATIENCE).emitWithAck(...event) });
}

/** The next event of this name of the library itself, such as `connect`; its first argument. */
export const happens = (socket, name) =>
  within(new Promise((resolve) => socket.once(name, resolve)), `${name} of Socket.IO`);

/** Connects, and waits for the hub's greeting. */
export async function connectedSocket(t, server, transports, options) {
  const made = socket(t, server, transports, options);
  const [name, session] = await made.events.next("the greeting");
  if (name !== "session") throw new Error(`not a greeting: ${name}`);
  return Object.assign(made, { session });
}

/** The events of this name among those that come, up to `count` of them. */
export async function next(socket, name, count = 1) {
  const found = [];
  while (found.length < count) {
    const [event, ...args] = await socket.events.next(name);
    if (event === name) found.push(args);
  }
  return found;
}
