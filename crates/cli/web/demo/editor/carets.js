// Draws the carets and selections of others behind a text area, on a copy of its text in the same place.

import { element } from "/demo/shared/page.js";
import { coloured } from "/demo/shared/people.js";

/** `carets` are { author, name, from, to }, positions in the text. */
export function drawCarets(mirror, text, carets) {
  const pieces = [];
  const bounds = new Set([0, text.length, ...carets.flatMap(({ from, to }) => [from, to])]);
  const stops = [...bounds].filter((at) => at >= 0 && at <= text.length).sort((a, b) => a - b);
  for (const [index, at] of stops.entries()) {
    for (const { author, name, to } of carets) {
      if (to === at) pieces.push(coloured(author, element("span", { className: "caret", dataset: { name } })));
    }
    const next = stops[index + 1];
    if (next === undefined) continue;
    const piece = text.slice(at, next);
    const selecting = carets.find(({ from, to }) => Math.min(from, to) <= at && next <= Math.max(from, to));
    pieces.push(selecting ? coloured(selecting.author, element("mark", {}, piece)) : piece);
  }
  // A line break at the end has no height of its own.
  mirror.replaceChildren(...pieces, "\u200b");
}
