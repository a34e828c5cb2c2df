// A small plot of the last minutes.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 60;

/** The shortest and the longest time that a plot shows, in milliseconds. */
const SHORTEST = 60_000;
const LONGEST = 600_000;

/** Without a sample for longer than this (milliseconds), the line is interrupted. */
const GAP = 4_000;

function shape(svg, tag, name) {
  const created = svg.appendChild(document.createElementNS(SVG, tag));
  created.setAttribute("class", name);
  return created;
}

/** Plots points `[time, value]`, the oldest first, with the newest at the right edge. */
export class Plot {
  /** Called with the point under the pointer, or without any. */
  onpoint = () => {};

  #svg;
  #line;
  #area;
  #cursor;
  #points = [];
  #span = SHORTEST;

  constructor(svg) {
    this.#svg = svg;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    this.#area = shape(svg, "path", "area");
    this.#line = shape(svg, "path", "line");
    this.#cursor = shape(svg, "path", "cursor");
    svg.addEventListener("pointermove", (event) => this.#point(event));
    svg.addEventListener("pointerleave", () => this.#leave());
  }

  draw(points) {
    this.#points = points;
    this.#span = Math.min(LONGEST, Math.max(SHORTEST, points.at(-1)[0] - points[0][0]));
    const runs = this.#runs();
    const path = (run) => run.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");
    this.#line.setAttribute("d", runs.map((run) => `M${path(run)}`).join(""));
    const closed = (run) => `M${run[0][0]},${HEIGHT}L${path(run)}L${run.at(-1)[0]},${HEIGHT}Z`;
    this.#area.setAttribute("d", runs.map(closed).join(""));
  }

  #x(time) {
    return WIDTH * (1 - (this.#points.at(-1)[0] - time) / this.#span);
  }

  /** The points as places in the plot, in one list for each stretch without a gap. */
  #runs() {
    const margin = 2; // room for half of the line's width at the top and bottom
    const highest = Math.max(Number.MIN_VALUE, ...this.#points.map(([, value]) => value));
    const runs = [];
    let last;
    for (const [time, value] of this.#points) {
      if (last === undefined || time - last > GAP) runs.push([]);
      runs.at(-1).push([this.#x(time), HEIGHT - margin - (value / highest) * (HEIGHT - 2 * margin)]);
      last = time;
    }
    return runs;
  }

  #point(event) {
    if (this.#points.length === 0) return;
    const { left, width } = this.#svg.getBoundingClientRect();
    const time = this.#points.at(-1)[0] - this.#span * (1 - (event.clientX - left) / width);
    const nearer = (one, other) => (Math.abs(other[0] - time) < Math.abs(one[0] - time) ? other : one);
    const found = this.#points.reduce(nearer);
    this.#cursor.setAttribute("d", `M${this.#x(found[0])},0V${HEIGHT}`);
    this.onpoint(found);
  }

  #leave() {
    this.#cursor.setAttribute("d", "");
    this.onpoint(undefined);
  }
}
