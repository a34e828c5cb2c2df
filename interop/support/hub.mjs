// `longwire serve` as a hub, tokens for it, and the official client of Centrifugo.

import { createHmac } from "node:crypto";

import { Centrifuge } from "centrifuge";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import WebSocket from "ws";

import { within } from "./deadline.mjs";
import { Queue } from "./queue.mjs";
import { serve } from "./server.mjs";

const SECRET = "a secret of the tests that has at least 32 bytes";
export const API_KEY = "an-api-key-of-the-tests";

export const CONFIG = `
[tokens]
hmac_secret = "${SECRET}"

[api]
keys = ["${API_KEY}"]

[namespaces.chat]
presence = true
join_leave = true
history = { size = 1000, ttl = "1h" }
recovery = "on_request"
delta = true
subscribe = ["user"]
publish = ["subscriber"]
read_presence = ["subscriber"]
read_history = ["subscriber"]
`;

export const hub = (t, options = {}) => serve(t, { config: CONFIG, ...options });

/** A token with these claims, which is valid for `ttl` seconds. */
export function token(claims, ttl = 600) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + ttl;
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ exp, ...claims })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

/** Calls a method of the API. */
export async function api(server, method, params) {
  const response = await fetch(server.http(`/api/${method}`), {
    method: "POST",
    headers: { "X-API-Key": API_KEY },
    body: JSON.stringify(params),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const { error, result } = await response.json();
  if (error) throw new Error(`${error.code}: ${error.message}`);
  return result;
}

export const ENCODINGS = ["json", "protobuf"];

/** A client, disconnected when the test `t` is over; by WebSocket unless `endpoint` says otherwise. `sockets` are its WebSockets, the newest last. */
export function client(t, server, encoding, { endpoint = server.ws("/connection/websocket"), ...options } = {}) {
  const sockets = [];
  class Recorded extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const Client = encoding === "protobuf" ? ProtobufCentrifuge : Centrifuge;
  const made = new Client(endpoint, {
    websocket: Recorded,
    minReconnectDelay: 10,
    maxReconnectDelay: 50,
    ...options,
  });
  t.after(() => made.disconnect());
  return Object.assign(made, { sockets });
}

/** The next event of this name. */
export function event(emitter, name) {
  return within(new Promise((resolve) => emitter.once(name, resolve)), `event ${name}`);
}

/** Connects, and waits for the answer. */
export async function connected(t, server, encoding, options) {
  const made = client(t, server, encoding, options);
  const answer = event(made, "connected");
  made.connect();
  await answer;
  return made;
}

/** What a client publishes and what a subscriber sees, in the form of its encoding. */
export const write = (encoding, value) =>
  encoding === "protobuf" ? new TextEncoder().encode(JSON.stringify(value)) : value;
export const read = (encoding, data) => (encoding === "protobuf" ? JSON.parse(new TextDecoder().decode(data)) : data);

/** Subscribes, and waits for the answer. `publications` has what has arrived since. */
export async function subscribed(made, channel, encoding, options) {
  const subscription = made.newSubscription(channel, options);
  const publications = new Queue();
  subscription.on("publication", ({ data, offset }) => publications.push({ data: read(encoding, data), offset }));
  const answer = event(subscription, "subscribed");
  subscription.subscribe();
  return Object.assign(subscription, { publications, answer: await answer });
}
