// The whiteboard in the gallery.

export const title = "Whiteboard";
export const text = "Strokes and pointers as they are drawn, by mouse, finger, pen or keyboard.";

/** Shows who draws. */
export function show(figure, hub) {
  figure.textContent = "Nobody draws at the moment";
  hub.subscribe("demo-latest:whiteboard-pointers", {
    onpublication: ({ data }) => {
      if (data?.stroke) figure.textContent = `${String(data.name).slice(0, 24) || "Somebody"} draws`;
    },
  });
}
