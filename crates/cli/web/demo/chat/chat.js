// The chat: a room is a channel, a message is a publication.

import { Hub } from "/demo/shared/hub.js";
import { Page, element } from "/demo/shared/page.js";

const page = new Page();
const list = document.querySelector(".log ol");
const text = document.getElementById("text");

// how it works
const hub = new Hub();
hub.onstate = (state) => page.show(state);
const room = hub.subscribe("demo:chat-lobby", {
  recover: true,
  onpublication: ({ data }) => list.append(element("li", {}, String(data?.text))),
});
// so far
page.onreconnect = () => hub.reconnectNow();

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (text.value.trim() === "") return;
  try {
    await room.publish({ text: text.value.trim() });
    text.value = "";
  } catch (error) {
    page.announce(`Not sent: ${error.message}`);
  }
});
