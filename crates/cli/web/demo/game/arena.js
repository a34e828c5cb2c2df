// Draws the arena.

import { HEIGHT, WIDTH } from "./protocol.js";

/** The colours of players, and of dots. */
export const COLOURS = ["#0b8f86", "#d9822b", "#b44fbf", "#3f7fd4", "#c8463f", "#6f9a2c", "#8a6ff0", "#b58a12"];

/** A unit has at least so many pixels: a small screen shows a part of the arena. */
const SMALLEST_SCALE = 0.45;

export class ArenaView {
  #canvas;
  #smallestScale;
  #context;
  #theme;
  #scale = 1;
  #left = 0;
  #top = 0;

  constructor(canvas, smallestScale = SMALLEST_SCALE) {
    this.#canvas = canvas;
    this.#smallestScale = smallestScale;
    this.#context = canvas.getContext("2d");
    this.#readTheme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#readTheme());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
  }

  /** The place in the canvas at which a player is drawn, in CSS pixels. */
  placeOf({ x, y }) {
    return { x: (x - this.#left) * this.#scale, y: (y - this.#top) * this.#scale };
  }

  /** `names` has the entry of each seat; the camera follows `own`. */
  draw({ players, dots }, names, own) {
    this.#aim(own ?? { x: WIDTH / 2, y: HEIGHT / 2 });
    const context = this.#context;
    const ratio = (this.#canvas.width / Math.max(1, this.#canvas.clientWidth)) * this.#scale;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.#theme.sunk;
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.setTransform(ratio, 0, 0, ratio, -this.#left * ratio, -this.#top * ratio);
    this.#drawGrid();
    dots.forEach(({ x, y }, index) => this.#circle(x, y, 6, COLOURS[index % COLOURS.length]));
    // The small ones are drawn over the large ones.
    for (const player of players.toSorted((one, other) => other.mass - one.mass)) {
      if (!player.eaten) this.#drawPlayer(player, names.get(player.seat), player.seat === own?.seat);
    }
  }

  #drawGrid() {
    const context = this.#context;
    context.strokeStyle = this.#theme.rule;
    context.lineWidth = 1 / this.#scale;
    context.beginPath();
    for (let x = 0; x <= WIDTH; x += 100) context.rect(x, 0, 0, HEIGHT);
    for (let y = 0; y <= HEIGHT; y += 100) context.rect(0, y, WIDTH, 0);
    context.stroke();
  }

  #drawPlayer({ x, y, radius, boosts, shielded, absent }, entry, isOwn) {
    const context = this.#context;
    context.globalAlpha = absent ? 0.35 : shielded ? 0.6 : 1;
    this.#circle(x, y, radius, COLOURS[(entry?.colour ?? 0) % COLOURS.length]);
    context.lineWidth = isOwn ? 4 : 2;
    context.strokeStyle = isOwn || boosts ? this.#theme.ink : this.#theme.page;
    context.setLineDash(shielded ? [6, 6] : []);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (entry !== undefined) this.#drawName(x, y, radius + 4, entry.name, isOwn);
  }

  /** Below the player, or above at the lower wall; inside of the arena. */
  #drawName(middle, centre, distance, name, isOwn) {
    const context = this.#context;
    const size = 13 / this.#scale;
    context.font = `${isOwn ? 700 : 500} ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "top";
    const half = context.measureText(name).width / 2 + size / 3;
    const x = Math.max(half, Math.min(middle, WIDTH - half));
    const y = centre + distance + size > HEIGHT ? centre - distance - size : centre + distance;
    context.lineWidth = 3 / this.#scale;
    context.strokeStyle = this.#theme.sunk;
    context.strokeText(name, x, y);
    context.fillStyle = this.#theme.ink;
    context.fillText(name, x, y);
  }

  #circle(x, y, radius, colour) {
    this.#context.fillStyle = colour;
    this.#context.beginPath();
    this.#context.arc(x, y, radius, 0, 2 * Math.PI);
    this.#context.fill();
  }

  /** The camera shows nothing beyond the walls. */
  #aim({ x, y }) {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#scale = Math.max(clientWidth / WIDTH, this.#smallestScale);
    const [width, height] = [clientWidth / this.#scale, clientHeight / this.#scale];
    const within = (middle, size, whole) => Math.max(0, Math.min(middle - size / 2, whole - size));
    this.#left = within(x, width, WIDTH);
    this.#top = within(y, height, HEIGHT);
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = Math.max(1, Math.round(clientWidth * devicePixelRatio));
    this.#canvas.height = Math.max(1, Math.round(clientHeight * devicePixelRatio));
  }

  #readTheme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.#theme = { page: colour("page"), sunk: colour("sunk"), ink: colour("ink"), rule: colour("rule") };
  }
}
