// The chat in the gallery: what was said last in the lobby.

import { element } from "/demo/shared/page.js";

export const title = "Chat";
export const text = "Rooms, who is here, who is typing. Who comes late reads what was said; who was away misses nothing.";

export function show(figure, hub) {
  const name = element("b", {}, "The lobby");
  const line = element("span", {}, " is quiet.");
  figure.append(element("p", { className: "quote" }, name, line));
  const last = ({ data, info }) => {
    if (typeof data?.text !== "string") return;
    name.textContent = String(info?.conn_info?.name || "anonymous").slice(0, 40);
    line.textContent = ` ${data.text.slice(0, 120)}`;
  };
  const room = hub.subscribe("demo:chat-lobby", {
    onpublication: last,
    onsubscribed: async () => {
      const { publications } = await room.history({ limit: 1, reverse: true });
      publications.forEach(last);
    },
  });
}
