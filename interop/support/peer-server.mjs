// Servers made with Node's `ws`, for `longwire connect`.

import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { WebSocketServer } from "ws";

import { within } from "./deadline.mjs";
import { certificates } from "./environment.mjs";

/**
 * Calls `onConnection(socket, request)` for each client; gone when the test `t` is over. `options` are those of `ws`.
 * `url` is its address; `connection()` waits for the next client: `{ socket, request, closed }`.
 */
export async function listen(t, onConnection = () => {}, { tls = false, ...options } = {}) {
  const http = tls ? createHttpsServer(serverIdentity()) : createHttpServer();
  const server = new WebSocketServer({ server: http, ...options });
  server.on("connection", onConnection);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    http.close();
  });
  return {
    url: `${tls ? "wss" : "ws"}://127.0.0.1:${http.address().port}/`,
    async connection() {
      const [socket, request] = await within(once(server, "connection"), "client");
      const closed = once(socket, "close").then(([code, reason]) => ({ code, reason: reason.toString() }));
      return { socket, request, closed: () => within(closed, "end of the connection") };
    },
  };
}

/** An address at which nobody listens: no system gives this port away. */
export const VACANT = "ws://127.0.0.1:1/";

export function echo(socket) {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
}

function serverIdentity() {
  const { cert, key } = certificates();
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
