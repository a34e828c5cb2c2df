// A tile for each instrument: its price, the change since the page was opened, and a line.

import { element } from "/demo/shared/page.js";
import { Sparkline } from "/demo/shared/sparkline.js";

export const NAMES = [
  "alder", "ash", "aspen", "bay", "beech", "birch", "box", "cedar", "cherry", "cypress", "elder", "elm",
  "fig", "fir", "hazel", "holly", "juniper", "larch", "lime", "maple", "oak", "pine", "rowan", "yew",
];

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, signDisplay: "always" });

export class Prices {
  #tiles = new Map();
  #changed = new Set();
  #frame;

  constructor(list) {
    for (const name of NAMES) {
      const tile = {
        price: element("span", { className: "price" }, "–"),
        change: element("span", { className: "change" }),
        canvas: element("canvas", { "aria-hidden": "true" }),
      };
      list.append(element("li", { dataset: { name } }, element("span", { className: "name" }, name), ...Object.values(tile)));
      this.#tiles.set(name, { ...tile, line: new Sparkline(tile.canvas) });
    }
  }

  /** The text is written once a frame, however many prices come. */
  show(name, price) {
    const tile = this.#tiles.get(name);
    tile.first ??= price;
    tile.newest = price;
    tile.line.push(price);
    this.#changed.add(tile);
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      for (const { price, change, first, newest } of this.#changed) {
        price.textContent = money.format(newest);
        change.textContent = percent.format(newest / first - 1);
      }
      this.#changed.clear();
    });
  }
}
