// The whiteboard in the gallery.

import { element } from "/demo/shared/page.js";
import { isStroke } from "/demo/whiteboard/board.js";
import { Canvas } from "/demo/whiteboard/canvas.js";

export const title = "Whiteboard";
export const text = "Strokes and pointers as they are drawn, by mouse, finger, pen or keyboard.";

const MOST_STROKES = 40;

/** Shows what is drawn while the gallery is open, and by whom. */
export function show(figure, hub) {
  const strokes = new Map();
  const pointers = new Map();
  const idle = element("p", { className: "idle" }, "Nobody draws at the moment");
  const surface = element("canvas", { className: "paper", hidden: true });
  figure.append(idle, surface);
  const canvas = new Canvas(surface, () => ({ strokes: strokes.values(), pointers: pointers.values() }));
  hub.subscribe("demo-latest:whiteboard-pointers", {
    joinLeave: true,
    onpublication: ({ data, info }) => {
      const { author, name, x, y, stroke } = data ?? {};
      const isThere = Number.isFinite(x) && Number.isFinite(y);
      if (isThere) pointers.set(info?.client, { author: String(author), name: String(name).slice(0, 24), x, y });
      else pointers.delete(info?.client);
      if (isStroke(stroke)) {
        strokes.set(stroke.id, stroke);
        if (strokes.size > MOST_STROKES) strokes.delete(strokes.keys().next().value);
        idle.hidden = true;
        surface.hidden = false;
      }
      canvas.draw();
    },
    onleave: ({ client }) => {
      pointers.delete(client);
      canvas.draw();
    },
  });
}
