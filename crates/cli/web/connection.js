// A WebSocket that reconnects automatically.

const FIRST_DELAY = 500; // milliseconds
const LONGEST_DELAY = 10_000;

/** An attempt may take so long (milliseconds): on a dead line, browsers would wait for minutes. */
const LONGEST_ATTEMPT = 10_000;

/** A connection that was open for at least this long (milliseconds) resets the backoff. */
const STABLE = 5_000;

/**
 * Milliseconds to wait before the next attempt, after `failures` failed ones. The jitter keeps the pages of a
 * restarted server from all reconnecting at the same time (RFC 6455 §7.2.3).
 */
function backoff(failures) {
  const delay = Math.min(FIRST_DELAY * 2 ** failures, LONGEST_DELAY);
  return delay * (0.5 + Math.random() / 2);
}

/** The address of a WebSocket endpoint on the server that served this page. */
export function endpoint(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/**
 * Its state is one of
 *   { kind: "connecting" }
 *   { kind: "open" }
 *   { kind: "closed", code, reason, wasOpen, retryAt }   retryAt in milliseconds, as of Date.now(); undefined if for good
 *
 * `isFinal` says after which close codes it does not reconnect by itself; `binaryType` is that of the WebSocket.
 */
export class Connection {
  onstate = () => {};
  onmessage = () => {};

  #url;
  #isFinal;
  #binaryType;
  #socket;
  #timer;
  #failures = 0;
  #isClosed = false;
  #openedAt;
  #online = () => this.reconnectNow();

  constructor(url, { isFinal = () => false, binaryType = "blob" } = {}) {
    this.#url = url;
    this.#isFinal = isFinal;
    this.#binaryType = binaryType;
    addEventListener("online", this.#online);
  }

  open() {
    clearTimeout(this.#timer);
    this.#isClosed = false;
    this.#openedAt = undefined;
    this.#socket = new WebSocket(this.#url);
    this.#socket.binaryType = this.#binaryType;
    this.#timer = setTimeout(() => this.#giveUp("no answer"), LONGEST_ATTEMPT);
    this.#socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#openedAt = Date.now();
      this.onstate({ kind: "open" });
    };
    this.#socket.onmessage = (event) => this.onmessage(event.data);
    this.#socket.onclose = (event) => this.#closed(event);
    this.onstate({ kind: "connecting" });
  }

  /** Skips the wait for the next attempt. Does nothing while connecting or open. */
  reconnectNow() {
    if (this.#isClosed) this.open();
  }

  /** How many bytes wait to be sent. */
  get buffered() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Returns whether the message was passed to an open connection. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(message);
    return true;
  }

  /** Gives up a connection that has gone silent, without waiting for the closing handshake, and reconnects. */
  abandon(reason) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#giveUp(reason);
  }

  /** Closes for good. */
  close() {
    clearTimeout(this.#timer);
    removeEventListener("online", this.#online);
    this.onstate = () => {};
    this.onmessage = () => {};
    if (this.#socket === undefined) return;
    this.#socket.onclose = () => {};
    this.#socket.close();
  }

  #giveUp(reason) {
    for (const event of ["onopen", "onmessage", "onclose"]) this.#socket[event] = null;
    this.#socket.close();
    this.#closed({ code: 1006, reason });
  }

  #closed({ code, reason }) {
    clearTimeout(this.#timer);
    const wasOpen = this.#openedAt !== undefined;
    if (wasOpen && Date.now() - this.#openedAt >= STABLE) this.#failures = 0;
    this.#isClosed = true;
    if (this.#isFinal(code)) return this.onstate({ kind: "closed", code, reason, wasOpen });
    const delay = backoff(this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), delay);
    this.onstate({ kind: "closed", code, reason, wasOpen, retryAt: Date.now() + delay });
  }
}
