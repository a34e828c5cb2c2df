// A tile for each device, by name.

import { element } from "/demo/shared/page.js";
import { Sparkline } from "/demo/shared/sparkline.js";

export const degrees = (t) => (t === undefined ? "–" : `${t.toFixed(2)} °C`);

/** How long ago something was, in words. */
export function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

/** A line interrupted where the device said nothing for three times its interval. */
export const gapOf = (device) => 3 * Math.max(device.every ?? 0, 5_000);

export class Board {
  #list;
  #onselect;
  #tiles = new Map();
  #changed = new Set();
  #frame;

  constructor(list, onselect) {
    this.#list = list;
    this.#onselect = onselect;
  }

  show(device) {
    const tile = this.#tiles.get(device.name) ?? this.#add(device);
    const last = device.history.at(-1);
    if (last !== undefined && last !== tile.drawn) tile.line.push(last[1], last[0]);
    tile.drawn = last;
    this.#changed.add(tile);
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      for (const changed of this.#changed) write(changed);
      this.#changed.clear();
    });
  }

  /** Devices that are away get older. */
  age() {
    for (const tile of this.#tiles.values()) if (!tile.device.online) write(tile);
  }

  #add(device) {
    const parts = {
      dot: element("span", { className: "dot", "aria-hidden": "true" }),
      name: element("span", { className: "name" }, device.name),
      led: element("span", { className: "led", hidden: true }, "LED"),
      reading: element("span", { className: "reading" }),
      canvas: element("canvas", { "aria-hidden": "true" }),
    };
    const button = element("button", { type: "button", className: "tile", "aria-pressed": "false" }, ...Object.values(parts));
    button.addEventListener("click", () => this.#select(device));
    const item = element("li", {}, button);
    const next = [...this.#tiles.values()].find((other) => other.device.name > device.name);
    this.#list.insertBefore(item, next?.item ?? null);
    const tile = { ...parts, device, item, button, line: new Sparkline(parts.canvas, { gap: gapOf(device) }) };
    this.#tiles.set(device.name, tile);
    this.#tiles = new Map([...this.#tiles].sort(([one], [other]) => (one < other ? -1 : 1)));
    return tile;
  }

  #select(device) {
    for (const { device: other, button } of this.#tiles.values()) {
      button.setAttribute("aria-pressed", String(other === device));
    }
    this.#onselect(device);
  }
}

function write({ device, button, reading, led }) {
  button.dataset.online = device.online;
  reading.textContent = device.online ? degrees(device.t) : `offline, seen ${ago(device.seen)}`;
  led.hidden = !device.led;
}
