// The chat: who speaks, and in which room.

import { Hub } from "/demo/shared/hub.js";
import { Page } from "/demo/shared/page.js";
import { Visitor } from "/demo/shared/visitor.js";
import { Log } from "./log.js";
import { People } from "./people.js";
import { ChatRoom } from "./room.js";

const page = new Page();
const visitor = new Visitor();
const name = document.getElementById("name");
const text = document.getElementById("text");
const title = document.getElementById("room-title");
const links = [...document.querySelectorAll("nav a")];

let hub;
let room;

/** Connects as the user that the visitor is. */
function connect() {
  hub?.close();
  hub = new Hub({ getToken: () => visitor.token() });
  hub.onstate = (state) => page.show(state);
}

/** Enters the room that the address names. */
function enter() {
  const [, wanted = "lobby"] = /^#([a-z0-9-]{1,32})$/.exec(location.hash) ?? [];
  const link = links.find(({ hash }) => hash === `#${wanted}`);
  for (const other of links) other.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "page");
  title.textContent = link?.textContent ?? wanted;
  room?.leave();
  const user = () => visitor.user;
  const log = document.querySelector(".log");
  for (const item of log.querySelectorAll("li")) item.remove();
  const people = new People(document.querySelector(".people"), document.querySelector(".typing"), user);
  people.replace([]);
  room = new ChatRoom(hub, wanted, new Log(log, user), people);
}

name.value = visitor.name;
connect();
enter();
addEventListener("hashchange", enter);
page.onreconnect = () => hub.reconnectNow();

name.addEventListener("change", () => {
  const waiting = room.leave();
  visitor.rename(name.value.trim());
  connect();
  enter();
  for (const [id, text] of waiting) room.say(text, id);
});
text.addEventListener("input", () => room.types());
document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = text.value.trim();
  if (said === "") return;
  if (room.say(said)) text.value = "";
  else page.announce("Not sent: too many messages wait for the connection.");
});
