// The notifications: an inbox of one user in all tabs, and a back end that publishes to it.

import { Hub } from "/demo/shared/hub.js";
import { Page } from "/demo/shared/page.js";
import { Visitor } from "/demo/shared/visitor.js";
import { BackEnd } from "./back-end.js";
import { Inbox } from "./inbox.js";
import { ReadPosition } from "./read-position.js";

const AT_FIRST = 100;

const page = new Page();
const visitor = new Visitor(localStorage);
const badge = document.querySelector(".badge");
const readAll = document.getElementById("read");
const inbox = new Inbox(document.querySelector(".inbox"), document.querySelector(".empty"));
const backEnd = new BackEnd(visitor);

// how it works
const read = new ReadPosition((position) => show(position)); // the same in all tabs
const hub = new Hub({ getToken: () => visitor.token() });
let room;
let isComplete = false;

function open() {
  room = hub.subscribe(`demo-inbox:#${visitor.user}`, {
    recover: true,
    onpublication: (publication) => arrived(publication),
    onsubscribed: ({ epoch, recovered }) => {
      read.follow(epoch); // an epoch ends when the server forgets the channel, and offsets begin again
      if (!isComplete || !recovered) catchUp().catch(ignoreLoss);
    },
  });
}

async function catchUp() {
  isComplete = false;
  inbox.clear();
  const { publications } = await room.history({ limit: AT_FIRST, reverse: true });
  for (const publication of publications) inbox.add(publication);
  show(read.position);
  isComplete = true;
}

function arrived(publication) {
  inbox.add(publication);
  show(read.position);
}
// so far

hub.onstate = (state) => {
  page.show(state);
  if (state.kind !== "open") return;
  if (room?.channel !== `demo-inbox:#${visitor.user}`) {
    room?.unsubscribe(); // the token had expired, and the visitor is another user
    open();
  }
  backEnd.show();
};
page.onreconnect = () => hub.reconnectNow();
readAll.addEventListener("click", () => {
  read.set(inbox.newest);
  document.getElementById("inbox-title").focus(); // the button is disabled now
});

/** When the connection is lost, the next one catches up. */
function ignoreLoss(error) {
  if (error.code !== 0) throw error;
}

let announcing;

function show(position) {
  const unread = inbox.showRead(position);
  badge.hidden = unread === 0;
  badge.textContent = `${unread} unread`;
  readAll.disabled = unread === 0;
  document.title = unread === 0 ? "Notifications · Longwire" : `(${unread}) Notifications · Longwire`;
  // Once for a burst.
  clearTimeout(announcing);
  if (unread > 0) announcing = setTimeout(() => page.announce(`${unread} unread notifications`), 1_000);
}
