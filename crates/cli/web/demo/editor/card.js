// The collaborative editing in the gallery.

export const title = "Collaborative editing";
export const text = "One text, many carets; what was written offline is merged on return. Yjs works, too.";

/** Shows who wrote last, and how many edits there were. */
export function show(figure, hub) {
  let edits = 0;
  hub.subscribe("demo:editor", {
    onpublication: ({ data }) => {
      if (data?.kind === "edit") edits += 1;
      figure.textContent = `${edits} ${edits === 1 ? "edit" : "edits"} while you look`;
    },
  });
  figure.textContent = "Nobody writes at the moment";
}
