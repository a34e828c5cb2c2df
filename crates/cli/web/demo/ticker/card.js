// The ticker in the gallery.

import { element } from "/demo/shared/page.js";
import { Sparkline } from "/demo/shared/sparkline.js";

export const title = "Ticker and scores";
export const text = "480 prices a second, of which a slow reader gets the newest, and live scores of which nobody misses a goal.";

/** Shows one price and its line. */
export function show(figure, hub) {
  const price = element("b", { className: "number" }, "–");
  const canvas = element("canvas", { className: "line" });
  figure.append(element("p", {}, price, " oak"), canvas);
  const line = new Sparkline(canvas);
  hub.subscribe("demo-ticker:oak", {
    onpublication: ({ data }) => {
      if (!Number.isFinite(data?.p)) return;
      line.push(data.p);
      price.textContent = data.p.toFixed(2);
    },
  });
}
