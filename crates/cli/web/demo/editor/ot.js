// Operational transformation of plain text, without DOM and network.
//
// An operation is an array that walks over the whole text: a positive number keeps that many characters, a negative
// number deletes that many, a string inserts itself: apply("good dog", [5, "c", -1, "at", -2]) gives "good cat".
// Characters are UTF-16 code units, as in JavaScript's strings.

/** An operation without empty, adjacent or misplaced parts: an insertion comes before a deletion at the same place. */
class Builder {
  op = [];

  keep(count) {
    if (count <= 0) return;
    if (this.op.at(-1) > 0) this.op[this.op.length - 1] += count;
    else this.op.push(count);
  }

  insert(text) {
    if (text === "") return;
    const { op } = this;
    const last = op.at(-1);
    if (typeof last === "string") op[op.length - 1] += text;
    else if (last < 0 && typeof op.at(-2) === "string") op[op.length - 2] += text;
    else if (last < 0) op.splice(-1, 0, text);
    else op.push(text);
  }

  delete(count) {
    if (count <= 0) return;
    if (this.op.at(-1) < 0) this.op[this.op.length - 1] -= count;
    else this.op.push(-count);
  }
}

/** Reads an operation in pieces of the size that the reader asks for. */
class Reader {
  #op;
  #index = 0;
  #used = 0;

  constructor(op) {
    this.#op = op;
  }

  /** What comes next: a string, a positive or negative number, or undefined at the end. */
  get next() {
    const part = this.#op[this.#index];
    if (typeof part === "string") return part.slice(this.#used);
    return part > 0 ? part - this.#used : part === undefined ? undefined : part + this.#used;
  }

  /** Goes on by `count` characters of what comes next, or by all of it. */
  skip(count) {
    const part = this.#op[this.#index];
    this.#used += count;
    if (this.#used >= size(part)) {
      this.#index += 1;
      this.#used = 0;
    }
  }
}

const size = (part) => (typeof part === "string" ? part.length : Math.abs(part));

/** How long the text before the operation is, and the text after it. */
export const lengthBefore = (op) => op.reduce((sum, part) => sum + (typeof part === "string" ? 0 : size(part)), 0);
export const lengthAfter = (op) => op.reduce((sum, part) => sum + (part < 0 ? 0 : size(part)), 0);

export const changesNothing = (op) => op.every((part) => part > 0);

/** Whether anything that came over the network is an operation on a text of `length` characters. */
export function isOperation(op, length, mostParts) {
  if (!Array.isArray(op) || op.length > mostParts) return false;
  const isPart = (part) => (typeof part === "string" ? part !== "" : Number.isSafeInteger(part) && part !== 0);
  return op.every(isPart) && lengthBefore(op) === length;
}

export function apply(text, op) {
  let result = "";
  let at = 0;
  for (const part of op) {
    if (typeof part === "string") {
      result += part;
    } else {
      if (part > 0) result += text.slice(at, at + part);
      at += Math.abs(part);
    }
  }
  return result;
}

/** The operation that undoes `op`, which is about to be applied to `text`. */
export function invert(op, text) {
  const inverse = new Builder();
  let at = 0;
  for (const part of op) {
    if (typeof part === "string") {
      inverse.delete(part.length);
    } else {
      if (part > 0) inverse.keep(part);
      else inverse.insert(text.slice(at, at - part));
      at += Math.abs(part);
    }
  }
  return inverse.op;
}

/** One operation that does what `first` and then `second` do. */
export function compose(first, second) {
  if (lengthAfter(first) !== lengthBefore(second)) throw new RangeError("the operations do not follow one another");
  const composed = new Builder();
  const [a, b] = [new Reader(first), new Reader(second)];
  while (a.next !== undefined || b.next !== undefined) {
    if (a.next < 0) {
      composed.delete(-a.next);
      a.skip(-a.next);
    } else if (typeof b.next === "string") {
      composed.insert(b.next);
      b.skip(b.next.length);
    } else {
      const count = Math.min(size(a.next), size(b.next));
      if (typeof a.next === "string") {
        if (b.next > 0) composed.insert(a.next.slice(0, count));
      } else if (b.next > 0) {
        composed.keep(count);
      } else {
        composed.delete(count);
      }
      a.skip(count);
      b.skip(count);
    }
  }
  return composed.op;
}

// how it works
/**
 * Two operations on the same text, of which `earlier` comes first in the order that holds for everybody, as they have
 * to be to follow one another: `earlier` and then `later'` give the same text as `later` and then `earlier'`.
 * Where both insert, the text of the earlier one comes first.
 */
export function transform(earlier, later) {
  if (lengthBefore(earlier) !== lengthBefore(later)) throw new RangeError("the operations are on different texts");
  const [earlierAfter, laterAfter] = [new Builder(), new Builder()];
  const [a, b] = [new Reader(earlier), new Reader(later)];
  while (a.next !== undefined || b.next !== undefined) {
    if (typeof a.next === "string") {
      earlierAfter.insert(a.next);
      laterAfter.keep(a.next.length);
      a.skip(a.next.length);
    } else if (typeof b.next === "string") {
      earlierAfter.keep(b.next.length);
      laterAfter.insert(b.next);
      b.skip(b.next.length);
    } else {
      const count = Math.min(size(a.next), size(b.next));
      if (a.next > 0 && b.next > 0) {
        earlierAfter.keep(count);
        laterAfter.keep(count);
      } else if (a.next < 0 && b.next > 0) {
        earlierAfter.delete(count);
      } else if (a.next > 0 && b.next < 0) {
        laterAfter.delete(count);
      }
      a.skip(count);
      b.skip(count);
    }
  }
  return [earlierAfter.op, laterAfter.op];
}
// so far

/** Where a position is after the operation. What is inserted right there comes behind it. */
export function movePosition(position, op) {
  let [at, moved] = [0, position];
  for (const part of op) {
    if (at >= position) break;
    if (typeof part === "string") moved += part.length;
    else if (part > 0) at += part;
    else {
      moved -= Math.min(-part, position - at);
      at -= part;
    }
  }
  return moved;
}

/** Where the last change of the operation ends, in the text after it. */
export function endOfChange(op) {
  const after = op.at(-1) > 0 ? op.at(-1) : 0;
  return lengthAfter(op) - after;
}

/** The operation from one text to another that differs in one place. A pair of surrogates is not cut apart. */
export function difference(from, to) {
  const most = Math.min(from.length, to.length);
  let start = 0;
  while (start < most && from[start] === to[start]) start += 1;
  if (isHighSurrogate(from[start - 1])) start -= 1;
  let end = 0;
  while (end < most - start && from.at(-1 - end) === to.at(-1 - end)) end += 1;
  if (end > 0 && isLowSurrogate(from.at(-end))) end -= 1;
  const op = new Builder();
  op.keep(start);
  op.insert(to.slice(start, to.length - end));
  op.delete(from.length - start - end);
  op.keep(end);
  return op.op;
}

const isHighSurrogate = (unit) => unit >= "\ud800" && unit <= "\udbff";
const isLowSurrogate = (unit) => unit >= "\udc00" && unit <= "\udfff";
