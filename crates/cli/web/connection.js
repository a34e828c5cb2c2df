// A WebSocket that reconnects automatically.

const FIRST_DELAY = 500; // milliseconds
const LONGEST_DELAY = 10_000;

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

/**
 * Its state is one of
 *   { kind: "connecting" }
 *   { kind: "open" }
 *   { kind: "closed", code, reason, wasOpen, retryAt }   retryAt in milliseconds, as of Date.now()
 */
export class Connection {
  onstate = () => {};
  onmessage = () => {};

  #url;
  #socket;
  #timer;
  #failures = 0;
  #openedAt;
  #online = () => this.reconnectNow();

  constructor(url) {
    this.#url = url;
    addEventListener("online", this.#online);
  }

  open() {
    clearTimeout(this.#timer);
    this.#openedAt = undefined;
    this.#socket = new WebSocket(this.#url);
    this.#socket.onopen = () => {
      this.#openedAt = Date.now();
      this.onstate({ kind: "open" });
    };
    this.#socket.onmessage = (event) => this.onmessage(event.data);
    this.#socket.onclose = (event) => this.#closed(event);
    this.onstate({ kind: "connecting" });
  }

  /** Skips the wait for the next attempt. Does nothing while connecting or open. */
  reconnectNow() {
    if (this.#socket?.readyState === WebSocket.CLOSED) this.open();
  }

  /** Returns whether the message was passed to an open connection. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(message);
    return true;
  }

  /** Closes for good. */
  close() {
    clearTimeout(this.#timer);
    removeEventListener("online", this.#online);
    this.onstate = () => {};
    this.onmessage = () => {};
    this.#socket.onclose = () => {};
    this.#socket.close();
  }

  #closed({ code, reason }) {
    const wasOpen = this.#openedAt !== undefined;
    if (wasOpen && Date.now() - this.#openedAt >= STABLE) this.#failures = 0;
    const delay = backoff(this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), delay);
    this.onstate({ kind: "closed", code, reason, wasOpen, retryAt: Date.now() + delay });
  }
}
