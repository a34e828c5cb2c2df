// The chat in the gallery.

export const title = "Chat";
export const text = "Rooms, who is here, who is typing, and a history for those who come late.";

/** Shows the last line that was said. */
export function show(figure, hub) {
  const line = (data) => (figure.textContent = String(data?.text ?? ""));
  hub.subscribe("demo:chat-lobby", { onpublication: ({ data }) => line(data) });
}
