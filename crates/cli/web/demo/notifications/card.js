// The notifications in the gallery: how many this browser has not read.

import { Hub } from "/demo/shared/hub.js";
import { element } from "/demo/shared/page.js";
import { Visitor } from "/demo/shared/visitor.js";
import { ReadPosition } from "./read-position.js";

export const title = "Notifications";
export const text = "A back end publishes to one user, by HTTP. All tabs agree on what is unread, and a burst is one line.";

export function show(figure) {
  const count = element("b", { className: "number" }, "0");
  figure.append(element("p", {}, count, " unread"));
  const visitor = new Visitor(localStorage);
  if (!visitor.isKnown) return; // has never opened the page, thus has no inbox
  let newest = 0;
  const update = () => (count.textContent = `${Math.max(0, newest - read.position)}`);
  const read = new ReadPosition(update);
  const hub = new Hub({ getToken: () => visitor.token() });
  let room;
  hub.onstate = ({ kind }) => {
    if (kind !== "open" || room !== undefined) return;
    room = hub.subscribe(`demo-inbox:#${visitor.user}`, {
      recover: true,
      onpublication: ({ offset }) => update((newest = offset)),
      onsubscribed: ({ epoch, offset }) => {
        newest = offset;
        read.follow(epoch);
        update();
      },
    });
  };
}
