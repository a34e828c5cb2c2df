// A small line of the last values, drawn on a canvas in the colour of its text.

const SECONDS = 60;

/** Of the values within this time (milliseconds), the last one is drawn. */
const STEP = 250;

/** Without a value for longer than this (milliseconds), the line has a gap. */
const GAP = 5_000;

export class Sparkline {
  #canvas;
  #points = []; // [time, value], the oldest first
  #gap;
  #frame;

  /** `gap` is the time without a value after which the line is interrupted, in milliseconds. */
  constructor(canvas, { gap = GAP } = {}) {
    this.#canvas = canvas;
    this.#gap = gap;
    new ResizeObserver(() => this.#later()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#later());
  }

  push(value, time = Date.now()) {
    const last = this.#points.at(-1);
    if (last !== undefined && Math.floor(last[0] / STEP) === Math.floor(time / STEP)) this.#points.pop();
    this.#points.push([time, value]);
    while (this.#points[0][0] < time - SECONDS * 1000) this.#points.shift();
    this.#later();
  }

  /** Draws once a frame, however many values come. Not at all in a hidden tab: it gets no frames. */
  #later() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
    });
  }

  #draw() {
    const scale = devicePixelRatio;
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    if (this.#points.length === 0) return;
    const values = this.#points.map(([, value]) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const end = this.#points.at(-1)[0];
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.beginPath();
    let before = -Infinity;
    for (const [time, value] of this.#points) {
      const x = width - 2 - ((end - time) / (SECONDS * 1000)) * (width - 4);
      const y = height - 2 - (high > low ? (value - low) / (high - low) : 0.5) * (height - 4);
      if (time - before > this.#gap) context.moveTo(x, y);
      context.lineTo(x, y);
      before = time;
    }
    context.stroke();
  }
}
