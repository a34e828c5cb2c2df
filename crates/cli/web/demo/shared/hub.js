// Channels over one WebSocket: a client of the hub, in the JSON protocol of Centrifugo's clients. It reconnects by
// itself, asks for what it missed, and notices when the connection is dead.
//
//   const hub = new Hub();
//   const room = hub.subscribe("demo:tea", { recover: true, onpublication: ({ data }) => console.log(data) });
//   await room.publish({ text: "Hello, all!" });

import { Connection, endpoint } from "/connection.js";

/** All in milliseconds. A connection on which a command has no answer for this long is dead. */
const ANSWER_TIME = 10_000;
/** How late a ping of the server may be. */
const PING_GRACE = 10_000;
const RETRY_TIME = 1_000;

/** After these close codes, a client must not come back by itself. */
const isFinal = (code) => (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);

/** A command failed. `code` is that of the server; 0 if the server did not answer, and may or may not have obeyed. */
export class HubError extends Error {
  constructor({ code = 0, message, temporary = false }) {
    super(message);
    this.name = "HubError";
    this.code = code;
    this.temporary = temporary;
  }
}

export class Hub {
  /** Called with the states of `Connection`; with "open" once the hub has accepted the client. */
  onstate = () => {};
  /** The id of this connection, while it is open. */
  client;

  #connection;
  #token;
  #getToken;
  #rooms = new Map();
  #calls = new Map();
  #lastId = 0;
  #isOpen = false;
  #silence;
  #pingTime;
  #refresh;

  /** `getToken`, instead of `token`, returns a promise of a token: for each connection, and before one expires. */
  constructor({ url = endpoint("/connection/websocket"), token, getToken } = {}) {
    this.#token = token;
    this.#getToken = getToken;
    this.#connection = new Connection(url, { isFinal });
    this.#connection.onstate = (state) => this.#stateChanged(state);
    this.#connection.onmessage = (frame) => this.#receive(frame);
    queueMicrotask(() => this.#connection?.open()); // when the caller has set `onstate`
  }

  get isOpen() {
    return this.#isOpen;
  }

  /** Subscribes now, and again after each loss of the connection, until `unsubscribe`. For the options see `Room`. */
  subscribe(channel, options = {}) {
    if (this.#rooms.has(channel)) throw new HubError({ message: `already subscribed to ${channel}` });
    const remove = () => this.#rooms.delete(channel);
    const room = new Room(channel, options, (...call) => this.#callback(...call), remove);
    this.#rooms.set(channel, room);
    if (this.#isOpen) room.enter();
    return room;
  }

  rpc(method, data) {
    return this.call("rpc", { method, data }).then((result) => result.data);
  }

  /** Sends a command. Rejects with a `HubError`; at once while there is no connection. */
  call(method, params) {
    return new Promise((resolve, reject) => this.#callback(method, params, resolve, reject));
  }

  /** Does not wait for the next try. */
  reconnectNow() {
    this.#connection?.reconnectNow();
  }

  /** Closes for good. */
  close() {
    this.#forget();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #callback(method, params, resolve, reject) {
    if (this.#isOpen) this.#send(method, params, resolve, reject);
    else reject(new HubError({ message: "not connected", temporary: true }));
  }

  #send(method, params, resolve, reject) {
    const id = ++this.#lastId;
    const timer = setTimeout(() => this.#connection.abandon(`no answer to ${method}`), ANSWER_TIME);
    this.#calls.set(id, { method, resolve, reject, timer });
    this.#connection.send(JSON.stringify({ id, [method]: params }));
  }

  #stateChanged(state) {
    if (state.kind === "open") return void this.#connect();
    this.#forget();
    this.onstate(state);
  }

  async #connect() {
    try {
      const token = this.#getToken === undefined ? this.#token : await this.#getToken();
      this.#send("connect", { token }, (result) => this.#connected(result), (error) => {
        if (error.code !== 0) this.#connection.abandon(error.message);
      });
    } catch (error) {
      this.#connection?.abandon(`no token: ${error.message}`);
    }
  }

  #connected({ client, ping = 0, expires, ttl }) {
    this.client = client;
    this.#isOpen = true;
    this.#pingTime = ping * 1000;
    this.#heard();
    if (expires) this.#refreshIn(ttl);
    this.onstate({ kind: "open" });
    for (const room of this.#rooms.values()) room.enter();
  }

  /** A new token in time keeps the connection. Without it, the server closes. */
  #refreshIn(ttl) {
    const seconds = Math.min(Math.max(ttl - 10, ttl / 2), 1_000_000);
    this.#refresh = setTimeout(async () => {
      try {
        const { expires, ttl } = await this.call("refresh", { token: await this.#getToken?.() });
        if (expires) this.#refreshIn(ttl);
      } catch {
        // The next connection begins with another token.
      }
    }, seconds * 1000);
  }

  /** A frame has one or more replies, each in a line. One without a content is the server's ping. */
  #receive(frame) {
    this.#heard();
    for (const line of frame.split("\n").filter(Boolean)) {
      const { id, push, error, ...results } = JSON.parse(line);
      if (push !== undefined) this.#rooms.get(push.channel)?.take(push);
      else if (id === undefined) this.#connection.send("{}");
      else this.#answered(id, error, results);
    }
  }

  #answered(id, error, results) {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error === undefined) call.resolve(results[call.method] ?? {});
    else call.reject(new HubError(error));
  }

  /** The server pings. When nothing comes any more the connection is dead, even if its end was not seen. */
  #heard() {
    clearTimeout(this.#silence);
    if (!this.#isOpen || !this.#pingTime) return;
    const abandon = () => this.#connection.abandon("nothing heard from the server");
    this.#silence = setTimeout(abandon, this.#pingTime + PING_GRACE);
  }

  /** The connection is gone, and whatever waits for an answer will not get one. */
  #forget() {
    this.#isOpen = false;
    this.client = undefined;
    clearTimeout(this.#silence);
    clearTimeout(this.#refresh);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject, timer } of calls) {
      clearTimeout(timer);
      reject(new HubError({ message: "the connection was lost", temporary: true }));
    }
  }
}

/**
 * A subscription. Its options:
 *   recover     ask for what was published while there was no connection
 *   since       { offset, epoch }: begin with what was published after this position
 *   joinLeave   ask for joins and leaves
 *   token       a subscription token
 *   onpublication({ data, offset, info, tags, time, recovered })   `info`: the client that published, if one did
 *   onsubscribed({ recovered, wasRecovering, missed, offset, epoch })   after the `missed` publications
 *   onjoin(info), onleave(info)   { client, user, conn_info, chan_info }
 *   onerror(error), onunsubscribed({ code, reason })
 */
class Room {
  #options;
  #call;
  #remove;
  #position;
  #retry;

  constructor(channel, options, call, remove) {
    this.channel = channel;
    this.#options = options;
    this.#position = options.since;
    this.#call = call;
    this.#remove = remove;
  }

  /** Resolves when the server has accepted the publication. */
  publish(data) {
    return this.#command("publish", { data });
  }

  /** Who is subscribed: a list of { client, user, conn_info, chan_info }. */
  presence() {
    return this.#command("presence").then(({ presence = {} }) => Object.values(presence));
  }

  /** `limit` publications after `since`, { offset, epoch }; with `reverse` before it. Without `since` from the end. */
  async history({ limit = 0, since, reverse = false } = {}) {
    const { publications = [], offset = 0, epoch } = await this.#command("history", { limit, since, reverse });
    return { publications, offset, epoch };
  }

  unsubscribe() {
    clearTimeout(this.#retry);
    this.#options = {};
    this.#remove();
    this.#command("unsubscribe").catch(() => {}); // it fails if there is no connection, thus no subscription
  }

  /** The connection is open. */
  enter() {
    clearTimeout(this.#retry);
    const { recover = false, joinLeave = false, token } = this.#options;
    const since = this.#position && { recover: true, ...this.#position };
    const request = { channel: this.channel, token, join_leave: joinLeave, recoverable: recover, ...since };
    this.#call("subscribe", request, (result) => this.#entered(result), (error) => this.#refused(error));
  }

  #entered({ publications = [], offset = 0, epoch, recovered = false, was_recovering: wasRecovering = false }) {
    this.#position = this.#options.recover && epoch !== undefined ? { offset, epoch } : undefined;
    for (const publication of publications) this.#publication(publication, true);
    const end = { offset: publications.at(-1)?.offset ?? offset, epoch };
    this.#options.onsubscribed?.({ recovered, wasRecovering, missed: publications.length, ...end });
  }

  #refused(error) {
    if (error.code === 0) return; // the connection is lost: the next one enters again
    if (error.temporary) this.#retry = setTimeout(() => this.enter(), RETRY_TIME);
    this.#options.onerror?.(error);
  }

  /** What the server pushes to this channel. */
  take({ pub, join, leave, unsubscribe }) {
    if (pub !== undefined) this.#publication(pub, false);
    if (join !== undefined) this.#options.onjoin?.(join.info);
    if (leave !== undefined) this.#options.onleave?.(leave.info);
    if (unsubscribe === undefined) return;
    if (unsubscribe.code >= 2500) return this.enter();
    this.#remove();
    this.#options.onunsubscribed?.(unsubscribe);
  }

  #publication(publication, recovered) {
    if (this.#position && publication.offset) this.#position.offset = publication.offset;
    this.#options.onpublication?.({ ...publication, recovered });
  }

  #command(method, params) {
    return new Promise((resolve, reject) => {
      this.#call(method, { channel: this.channel, ...params }, resolve, reject);
    });
  }
}
