// A room of the chat: its messages, who is there, and who is typing.

const SHOWN_AT_FIRST = 50;
const MOST_WAITING = 50;

/** Milliseconds between two signs of typing, and how long one counts. */
const TYPING_EVERY = 2_000;
const TYPING_LASTS = 4_000;

export class ChatRoom {
  #room;
  #typing;
  #log;
  #people;
  /** Own messages that have not come back, by id. */
  #waiting = new Map();
  /** Whether the history has been shown. */
  #isComplete = false;
  #typedAt = 0;

  constructor(hub, name, log, people) {
    this.#log = log;
    this.#people = people;
    // how it works
    this.#room = hub.subscribe(`demo:chat-${name}`, {
      recover: true,
      joinLeave: true,
      onpublication: (message) => this.#arrived(message),
      onsubscribed: (how) => this.#subscribed(how),
      onjoin: (person) => this.#people.joined(person),
      onleave: (person) => this.#people.left(person),
    });
    this.#typing = hub.subscribe(`demo-latest:chat-${name}`, {
      onpublication: ({ data, info }) => this.#people.types(info, data.typing ? TYPING_LASTS : 0),
    });
    // so far
  }

  // how it works
  /** The connection is new, or back. What was missed has been shown; without recovery, the history has it. */
  async #subscribed({ recovered, missed }) {
    try {
      if (this.#isComplete && recovered) this.#log.back(missed);
      else await this.#showHistory();
      this.#people.replace(await this.#room.presence());
      for (const [id, text] of this.#waiting) this.#publish(id, text); // did not come back: was not published
    } catch (error) {
      if (error.code !== 0) throw error; // the connection is lost: the next one comes here again
    }
  }
  // so far

  async #showHistory() {
    this.#isComplete = false;
    this.#log.startAgain();
    const { publications } = await this.#room.history({ limit: SHOWN_AT_FIRST, reverse: true });
    for (const message of publications) this.#arrived(message);
    this.#isComplete = true;
  }

  #arrived(message) {
    this.#log.add(message);
    this.#waiting.delete(message.data?.id);
    if (message.info) this.#people.types(message.info, 0);
  }

  /** Shows the text at once, and sends it when there is a connection. Returns whether it was taken. */
  say(text, id = `${Math.random()}`) {
    if (this.#waiting.size >= MOST_WAITING) return false;
    this.#waiting.set(id, text);
    this.#log.wait(id, text);
    this.#publish(id, text);
    this.#typedAt = 0;
    return true;
  }

  async #publish(id, text) {
    try {
      await this.#room.publish({ id, text });
    } catch (error) {
      if (error.code === 0) return; // no connection: the next one brings it back, or publishes it
      if (error.temporary) return void setTimeout(() => this.#waiting.has(id) && this.#publish(id, text), 1_000);
      this.#waiting.delete(id);
      this.#log.refused(id, error.message);
    }
  }

  /** Somebody is typing here. */
  async types() {
    if (Date.now() - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = Date.now();
    await this.#typing.publish({ typing: true }).catch(() => {}); // nobody misses it
  }

  /** Returns the own messages that have not come back: pairs of id and text. */
  leave() {
    this.#room.unsubscribe();
    this.#typing.unsubscribe();
    return [...this.#waiting];
  }
}
