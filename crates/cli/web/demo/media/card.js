// Audio and video in the gallery.

import { TestPattern } from "./sources.js";

export const title = "Audio and video";
export const text = "A camera, a microphone or a test pattern from one tab to all others, with the delay.";

/** Shows the test pattern that the demo sends where there is no camera. */
export function show(figure) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  figure.append(canvas);
  const [pattern, context] = [new TestPattern(), canvas.getContext("2d")];
  pattern.draw(context, canvas);
  setInterval(() => pattern.draw(context, canvas), 200);
}
