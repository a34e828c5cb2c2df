// The ticker in the gallery.

import { element } from "/demo/shared/page.js";
import { Sparkline } from "/demo/shared/sparkline.js";

export const title = "Ticker and scores";
export const text = "480 prices a second, of which a slow reader gets the newest, and live scores of which nobody misses a goal.";

/** Shows the line of one price. */
export function show(figure, hub) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  Object.assign(canvas.style, { display: "block", width: "100%", height: "3rem" });
  figure.append(canvas);
  const line = new Sparkline(canvas);
  hub.subscribe("demo-ticker:oak", { onpublication: ({ data }) => line.push(data.p) });
}
