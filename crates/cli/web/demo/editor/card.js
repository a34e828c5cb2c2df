// The collaborative editing in the gallery.

import { element } from "/demo/shared/page.js";

export const title = "Collaborative editing";
export const text = "One text, many carets; what was written offline is merged on return. Yjs works, too.";

/** Shows how many edits there were. */
export function show(figure, hub) {
  let edits = 0;
  figure.append(element("p", { className: "idle" }, "Nobody writes at the moment"));
  hub.subscribe("demo:editor", {
    onpublication: ({ data }) => {
      if (data?.kind !== "edit") return;
      edits += 1;
      const number = element("b", { className: "number" }, `${edits}`);
      figure.replaceChildren(element("p", {}, number, edits === 1 ? " edit just now" : " edits while you look"));
    },
  });
}
