// A text that many edit at once, by operational transformation over the total order of a channel.
//
// Every publication of the channel has an offset: 1, 2, 3, … In that order everybody applies the operations. An
// operation names the offset that its author had seen, and whoever receives it transforms it over what came in between.
// An author has one operation in flight; what is typed meanwhile is composed into the next. Nothing here knows a network
// or a page: `SharedText` is told what was typed and published, and says what is to be published.
//
// Whether a publication has an effect follows from the channel alone, so everybody decides alike. An operation has none
// if it is malformed, came before, is based on more than WINDOW publications ago, or makes the text too long. Its author
// then publishes it again, on what is there now.

import * as ot from "./ot.js";

/** How many publications an operation may be behind. */
const WINDOW = 64;
/** The most characters of a text. */
export const MOST_CHARACTERS = 12_000;
/** Of an operation. With these bounds a snapshot fits into a publication, which has at most 64 KiB. */
const MOST_PARTS = 40;
/** Of this many authors, those who wrote last, it is known which of their operations were the last ones. */
const MOST_AUTHORS = 100;
const MOST_UNDO = 200;
/** Edits within this time are undone at once, milliseconds. */
const UNDO_GROUP = 1_000;

export class SharedText {
  /** The text as everybody has it after the publication `offset`; undefined until it is known. */
  #agreed;
  offset = 0;
  /** The operations of the last publications, the newest last; null for a publication without effect. */
  #window = [];
  /** The number of the last operation of each author, the newest last. */
  #authors = new Map();
  /** Own changes on top of the agreed text: what was published and did not come back, then the rest. */
  #inFlight;
  #buffer;
  #number = 0;
  #isPublished = false;
  /** The channel forgot this text, and it was offered to it. */
  #seed;
  /** What undoes own edits, and what does them again, as operations on the text that is shown. */
  #undo = [];
  #redo = [];
  #groupBegan = -Infinity;

  constructor(author) {
    this.author = author;
  }

  get isKnown() {
    return this.#agreed !== undefined;
  }

  get hasUnsaved() {
    return this.#own !== undefined;
  }

  /** What the author sees: the agreed text with the own changes. */
  get text() {
    const text = this.#seed ?? this.#agreed ?? "";
    return this.#own ? ot.apply(text, this.#own) : text;
  }

  get #own() {
    return this.#inFlight && this.#buffer ? ot.compose(this.#inFlight, this.#buffer) : (this.#inFlight ?? this.#buffer);
  }

  /** Where a position in the agreed text after the publication `base` is in the text that is shown, if that is known. */
  locate(position, base) {
    const behind = this.offset - base;
    if (this.#seed !== undefined || !(behind >= 0 && behind <= this.#window.length)) return undefined;
    const ops = [...this.#window.slice(this.#window.length - behind), this.#own];
    return ops.reduce((at, op) => (op ? ot.movePosition(at, op) : at), position);
  }

  // What is typed

  edit(op, now = Date.now()) {
    const inverse = ot.invert(op, this.text);
    if (now - this.#groupBegan < UNDO_GROUP && this.#undo.length > 0) {
      this.#undo.push(ot.compose(inverse, this.#undo.pop()));
    } else {
      this.#undo.push(inverse);
      this.#groupBegan = now;
      if (this.#undo.length > MOST_UNDO) this.#undo.shift();
    }
    this.#redo = [];
    this.#add(op);
  }

  /** Undoes the author's last edit; what others wrote stays. Returns the operation that did it, if there was one. */
  undo() {
    return this.#step(this.#undo, this.#redo);
  }

  redo() {
    return this.#step(this.#redo, this.#undo);
  }

  #step(from, to) {
    const op = from.pop();
    if (op === undefined) return undefined;
    // Others may have deleted what this would have changed.
    if (ot.changesNothing(op)) return this.#step(from, to);
    to.push(ot.invert(op, this.text));
    this.#groupBegan = -Infinity;
    this.#add(op);
    return op;
  }

  #add(op) {
    this.#buffer = this.#buffer ? ot.compose(this.#buffer, op) : op;
  }

  // What is to be published

  /** The next publication, or undefined while there is nothing to say or one is in flight. */
  take() {
    if (!this.isKnown || this.#isPublished) return undefined;
    if (this.#seed !== undefined) {
      this.#isPublished = true;
      return { kind: "seed", author: this.author, number: this.#number, text: this.#seed };
    }
    if (!this.#inFlight && this.#buffer && !ot.changesNothing(this.#buffer)) {
      this.#inFlight = this.#buffer;
      this.#buffer = undefined;
      this.#number += 1;
    }
    if (!this.#inFlight) {
      this.#buffer = undefined;
      return undefined;
    }
    if (this.#inFlight.length > MOST_PARTS) {
      this.#inFlight = ot.difference(this.#agreed, ot.apply(this.#agreed, this.#inFlight));
    }
    this.#isPublished = true;
    return { kind: "edit", author: this.author, number: this.#number, base: this.offset, op: this.#inFlight };
  }

  /** What is in flight may be lost: `take` gives it again. If both arrive, the second has no effect. */
  publishAgain() {
    this.#isPublished = false;
  }

  /** For those who come late: the text, and what they need to transform the next operations. */
  snapshot() {
    // Of what was inserted, only the length matters to later operations.
    const shorten = (op) => op.map((part) => (typeof part === "string" ? [part.length] : part));
    return {
      kind: "snapshot",
      at: this.offset,
      text: this.#agreed,
      window: this.#window.map((op) => op && shorten(op)),
      authors: [...this.#authors],
    };
  }

  // What was published

  /** All of the channel is in its history. A text that the channel has forgotten is offered to it. */
  begin() {
    const forgotten = this.#seed ?? this.#agreed;
    this.#inFlight = this.#own;
    this.#buffer = undefined;
    if (forgotten) {
      this.#seed = forgotten;
      [this.#inFlight, this.#buffer] = [undefined, this.#inFlight];
    }
    this.#number += 1;
    this.#isPublished = false;
    [this.#agreed, this.offset, this.#window, this.#authors] = ["", 0, [], new Map()];
  }

  /** Goes on from a snapshot. Own changes that it does not contain are kept. Returns whether it is a snapshot. */
  resume({ at, text, window, authors }) {
    const isText = typeof text === "string" && text.length <= MOST_CHARACTERS;
    if (!isText || !Number.isSafeInteger(at) || at < 1 || !Array.isArray(authors)) return false;
    if (!Array.isArray(window) || window.length !== Math.min(at, WINDOW)) return false;
    const lengthen = (part) => (Array.isArray(part) ? " ".repeat(Math.min(part[0] >>> 0, MOST_CHARACTERS)) : part);
    this.#authors = new Map(authors.filter(Array.isArray).slice(-MOST_AUTHORS));
    if (this.#authors.get(this.author) >= this.#number && this.#inFlight) {
      this.#agreed = ot.apply(this.#agreed, this.#inFlight);
      this.#inFlight = undefined;
    }
    this.#replace(text);
    this.offset = at;
    this.#window = window.map((op) => (Array.isArray(op) ? op.map(lengthen) : null));
    return true;
  }

  /** Nobody has the text any more: after this offset it is what is here. */
  restart(at) {
    this.#replace(this.#seed ?? this.#agreed ?? "");
    [this.offset, this.#window, this.#authors] = [at, Array(Math.min(at, WINDOW)).fill(null), new Map()];
  }

  /**
   * Puts the own changes on another text. What happened in between is not known: the difference has to do. What is in
   * flight keeps its number, since it may still arrive as it was.
   */
  #replace(text) {
    const before = this.#seed ?? this.#agreed ?? "";
    [this.#undo, this.#redo] = [[], []];
    this.#moveOwn(ot.difference(before, text));
    [this.#agreed, this.#seed, this.#isPublished] = [text, undefined, false];
  }

  /**
   * The publication at this offset. They come in order; one that came before has no effect. Returns the operation on the
   * text that the author sees, if it changed: { op, author }. If own changes or an own text had to give way, `lost` is
   * the text as it was.
   */
  receive(offset, publication) {
    if (offset <= this.offset) return undefined;
    if (offset !== this.offset + 1) throw new RangeError(`publication ${offset} cannot follow ${this.offset}`);
    const op = this.#effect(offset, publication);
    this.offset = offset;
    this.#window.push(op);
    if (this.#window.length > WINDOW) this.#window.shift();
    const { author, number } = publication;
    const isOwn = author === this.author && number === this.#number && (this.#inFlight || this.#seed) !== undefined;
    if (op === null) return isOwn ? this.#rejected() : undefined;
    this.#authors.delete(author);
    this.#authors.set(author, number);
    if (this.#authors.size > MOST_AUTHORS) this.#authors.delete(this.#authors.keys().next().value);
    if (!isOwn && this.#seed !== undefined) return this.#seedLost(op, author);
    const expected = this.#inFlight && ot.apply(this.#agreed, this.#inFlight);
    this.#agreed = ot.apply(this.#agreed, op);
    if (!isOwn) return { op: this.#moveOwn(op), author };
    this.#inFlight = this.#seed = undefined;
    this.#isPublished = false;
    // It is what was in flight, unless that was moved to the text of a snapshot meanwhile.
    const isAsExpected = expected === undefined || expected === this.#agreed;
    return isAsExpected ? undefined : { op: this.#moveOwn(ot.difference(expected, this.#agreed)), author };
  }

  /** The operation on the agreed text, or null. */
  #effect(offset, { kind, author, number, base, op, text }) {
    if (typeof author !== "string" || author.length > 40 || !Number.isSafeInteger(number)) return null;
    if (this.#authors.get(author) >= number) return null;
    if (kind === "seed") {
      const isFirst = this.#agreed === "" && this.offset === this.#window.length && !this.#window.some(Boolean);
      return isFirst && typeof text === "string" && text.length <= MOST_CHARACTERS ? [text] : null;
    }
    const behind = offset - 1 - base;
    if (kind !== "edit" || !(behind >= 0 && behind <= this.#window.length)) return null;
    const between = this.#window.slice(this.#window.length - behind).filter((seen) => seen !== null);
    const length = between.length > 0 ? ot.lengthBefore(between[0]) : this.#agreed.length;
    if (!ot.isOperation(op, length, MOST_PARTS)) return null;
    const canonical = between.reduce((later, earlier) => ot.transform(earlier, later)[1], op);
    return ot.lengthAfter(canonical) <= MOST_CHARACTERS ? canonical : null;
  }

  /** Transforms everything of the author's over an operation of somebody else. Returns it as it applies to what is shown. */
  #moveOwn(op) {
    let shown = op;
    const over = (own) => {
      if (own === undefined) return undefined;
      const [shownAfter, ownAfter] = ot.transform(shown, own);
      shown = shownAfter;
      return ownAfter;
    };
    this.#inFlight = over(this.#inFlight);
    this.#buffer = over(this.#buffer);
    const result = shown;
    for (const stack of [this.#undo, this.#redo]) {
      shown = result;
      for (let index = stack.length - 1; index >= 0; index -= 1) stack[index] = over(stack[index]);
    }
    return result;
  }

  /** It came too late, and is published again; or the text is full, and the own changes are given up. */
  #rejected() {
    this.#isPublished = false;
    if (this.#seed !== undefined) {
      this.#buffer = this.#buffer ? ot.compose([this.#seed], this.#buffer) : [this.#seed];
      this.#seed = undefined;
      return undefined;
    }
    if (ot.lengthAfter(this.#inFlight) <= MOST_CHARACTERS) return undefined;
    const lost = this.text;
    this.#inFlight = this.#buffer = undefined;
    [this.#undo, this.#redo] = [[], []];
    return { op: ot.difference(lost, this.#agreed), author: this.author, lost };
  }

  /** Somebody else has begun the new text before. */
  #seedLost(op, author) {
    const [lost, seed] = [this.text, this.#seed];
    const text = ot.apply(this.#agreed, op);
    this.#replace(text);
    return { op: ot.difference(lost, this.text), author, lost: text === seed ? undefined : lost };
  }
}
