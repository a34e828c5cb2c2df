// Draws the board on a canvas.

import { HEIGHT, WIDTH } from "/demo/whiteboard/board.js";
import { hue } from "/demo/shared/people.js";

/** The colours on light and on dark paper. The first is that of the ink. */
const LIGHT = { paper: "#ffffff", inks: ["#1d2125", "#c2312b", "#1f6fd0", "#188038", "#b35900", "#8a3fc0"] };
const DARK = { paper: "#15191b", inks: ["#e7e9ea", "#ff7a70", "#74b0ff", "#62cc82", "#ffb357", "#cf9bff"] };

const darkness = matchMedia("(prefers-color-scheme: dark)");
const palette = () => (darkness.matches ? DARK : LIGHT);

export class Canvas {
  #canvas;
  /** Returns { strokes, pointers } to draw. */
  #content;
  #frame;

  constructor(canvas, content) {
    this.#canvas = canvas;
    this.#content = content;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    darkness.addEventListener("change", () => this.draw());
  }

  inks() {
    return palette().inks;
  }

  /** At the next frame, whatever has changed until then. */
  draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      const context = this.#canvas.getContext("2d");
      const { strokes, pointers } = this.#content();
      paint(context, this.#canvas.width / WIDTH, strokes, palette());
      const pixel = WIDTH / this.#canvas.clientWidth;
      for (const pointer of pointers) paintPointer(context, pixel, pointer);
    });
  }

  /** Where a pointer is on the board. */
  place(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const x = Math.round(((event.clientX - left) / width) * WIDTH);
    const y = Math.round(((event.clientY - top) / height) * HEIGHT);
    return [Math.min(WIDTH, Math.max(0, x)), Math.min(HEIGHT, Math.max(0, y))];
  }

  /** The board as a picture on white paper. */
  png() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [WIDTH, HEIGHT];
    paint(canvas.getContext("2d"), 1, this.#content().strokes, LIGHT);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = Math.min(devicePixelRatio, 3);
    [this.#canvas.width, this.#canvas.height] = [clientWidth * scale, clientHeight * scale];
    this.draw();
  }
}

function paint(context, scale, strokes, { paper, inks }) {
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = paper;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.lineCap = context.lineJoin = "round";
  for (const { points, colour, width } of strokes) {
    context.strokeStyle = inks[colour];
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(points[0], points[1]);
    // A curve through the middles of the lines between the points.
    for (let index = 2; index < points.length - 2; index += 2) {
      const [x, y] = [points[index], points[index + 1]];
      context.quadraticCurveTo(x, y, (x + points[index + 2]) / 2, (y + points[index + 3]) / 2);
    }
    context.lineTo(points.at(-2), points.at(-1));
    context.stroke();
  }
}

/** Where somebody points, with the name; as large on every screen. `pixel` is that of the page, in units of the board. */
function paintPointer(context, pixel, { author, name, x, y }) {
  context.fillStyle = `oklch(0.55 0.17 ${hue(author)})`;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x, y + 18 * pixel);
  context.lineTo(x + 12 * pixel, y + 12 * pixel);
  context.fill();
  context.font = `600 ${12 * pixel}px system-ui, sans-serif`;
  const [width, height] = [context.measureText(name).width + 12 * pixel, 18 * pixel];
  const left = Math.min(x + 12 * pixel, WIDTH - width);
  const top = Math.min(y + 16 * pixel, HEIGHT - height);
  context.beginPath();
  context.roundRect(left, top, width, height, 4 * pixel);
  context.fill();
  context.fillStyle = "#fff";
  context.fillText(name, left + 6 * pixel, top + 13 * pixel);
}
