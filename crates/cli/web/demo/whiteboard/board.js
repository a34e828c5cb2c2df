// What is on the board: strokes in the order of the channel. No page and no network here.
//
// A stroke is { id, author, colour, width, points }; `points` are x, y, x, y, … in the units of the board. The same stroke
// may come twice, since its author publishes it again if it does not know whether it has arrived: the second has no effect.

export const WIDTH = 1600;
export const HEIGHT = 1000;
export const COLOURS = 6;
export const WIDTHS = [4, 10, 24];
/** Two numbers each. A longer stroke goes on as another. */
export const MOST_POINTS_OF_STROKE = 400;

/** The oldest strokes go when there are more bytes. A snapshot has to fit into a publication, which has at most 64 KiB. */
const MOST_BYTES = 50_000;
const MOST_REMOVED = 200;

export class Board {
  #strokes = new Map();
  #bytes = 0;
  /** Of these, nothing comes back. */
  #removed = new Set();
  #offset = 0;

  get strokes() {
    return [...this.#strokes.values()];
  }

  // how it works
  receive({ offset, data: { kind, stroke, id } }) {
    this.#offset = offset;
    if (kind === "stroke") this.#add(stroke);
    if (kind === "remove") this.#remove(id);
  }
  // so far

  begin() {
    this.#strokes.clear();
    this.#removed.clear();
    [this.#bytes, this.#offset] = [0, 0];
  }

  restart(offset) {
    this.#offset = offset;
  }

  /** For those who come late. */
  snapshot() {
    return { kind: "snapshot", at: this.#offset, strokes: this.strokes.map(pack), removed: [...this.#removed] };
  }

  resume({ at, strokes, removed }) {
    if (!Number.isSafeInteger(at) || !Array.isArray(strokes) || !Array.isArray(removed)) return false;
    this.begin();
    this.#offset = at;
    for (const id of removed) this.#remove(id);
    for (const packed of strokes.filter((stroke) => Array.isArray(stroke?.points))) this.#add(unpack(packed));
    return true;
  }

  #add(stroke) {
    if (!isStroke(stroke) || this.#strokes.has(stroke.id) || this.#removed.has(stroke.id)) return;
    this.#strokes.set(stroke.id, stroke);
    this.#bytes += size(stroke);
    for (const oldest of this.#strokes.keys()) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#forget(oldest);
    }
  }

  #remove(id) {
    if (!isName(id)) return;
    this.#removed.delete(id);
    this.#removed.add(id);
    if (this.#removed.size > MOST_REMOVED) this.#removed.delete(this.#removed.values().next().value);
    this.#forget(id);
  }

  #forget(id) {
    const stroke = this.#strokes.get(id);
    if (stroke === undefined) return;
    this.#bytes -= size(stroke);
    this.#strokes.delete(id);
  }
}

const isName = (text) => typeof text === "string" && /^[\w-]{1,32}$/.test(text);

/** Whether what came over the network is a stroke. */
export function isStroke(stroke) {
  const { id, author, colour, width, points } = stroke ?? {};
  if (!isName(id) || !isName(author) || !Number.isInteger(colour) || colour < 0 || colour >= COLOURS) return false;
  if (!WIDTHS.includes(width) || !Array.isArray(points) || points.length % 2 === 1 || points.length < 2) return false;
  const isOnBoard = (point) => Number.isInteger(point) && point >= -WIDTH && point <= 2 * WIDTH;
  return points.length <= 2 * MOST_POINTS_OF_STROKE && points.every(isOnBoard);
}

/** Instead of the points, their differences: these are short. */
function pack({ id, author, colour, width, points }) {
  return { id, author, colour, width, points: points.map((at, index) => (index < 2 ? at : at - points[index - 2])) };
}

function unpack(packed) {
  const points = [];
  for (const [index, step] of packed.points.entries()) points.push(index < 2 ? step : points[index - 2] + step);
  return { ...packed, points };
}

const size = (stroke) => JSON.stringify(pack(stroke)).length;

/** Leaves out the points that lie, but for a unit, on the line between others (Ramer, Douglas and Peucker). */
export function simplify(points, tolerance = 1) {
  const keep = new Set([0, points.length / 2 - 1]);
  const parts = [[0, points.length / 2 - 1]];
  while (parts.length > 0) {
    const [first, last] = parts.pop();
    let [farthest, distance] = [undefined, tolerance];
    for (let index = first + 1; index < last; index += 1) {
      const far = distanceToLine(points, index, first, last);
      if (far > distance) [farthest, distance] = [index, far];
    }
    if (farthest === undefined) continue;
    keep.add(farthest);
    parts.push([first, farthest], [farthest, last]);
  }
  return [...keep].sort((a, b) => a - b).flatMap((index) => [points[2 * index], points[2 * index + 1]]);
}

function distanceToLine(points, index, first, last) {
  const [x, y, fromX, fromY] = [points[2 * index], points[2 * index + 1], points[2 * first], points[2 * first + 1]];
  const [alongX, alongY] = [points[2 * last] - fromX, points[2 * last + 1] - fromY];
  const length = alongX ** 2 + alongY ** 2;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - fromX) * alongX + (y - fromY) * alongY) / length));
  return Math.hypot(x - fromX - share * alongX, y - fromY - share * alongY);
}
