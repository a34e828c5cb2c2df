// The ticker: each instrument is a channel, of which only the newest publication matters.

import { Hub } from "/demo/shared/hub.js";
import { Page } from "/demo/shared/page.js";
import { NAMES, Prices } from "./prices.js";
import { Reader } from "./reader.js";
import { showScores } from "./scores.js";

/** How often a slow reader has time, in milliseconds. */
const PAUSE = 1_000;

const page = new Page();
const slow = document.getElementById("slow");
const prices = new Prices(document.querySelector(".prices ul"));

// how it works
const hub = new Hub();
const reader = new Reader();
let rooms = [];

function take(name, { n, p, t }) {
  if (reader.take(name, n, t)) prices.show(name, p);
}

/** A fast reader gets every update. */
function subscribe() {
  rooms = NAMES.map((name) =>
    hub.subscribe(`demo-ticker:${name}`, { onpublication: ({ data }) => take(name, data) }),
  );
}

/** A slow reader asks for the newest update of each, when it is ready for the next. */
async function readSlowly() {
  for (const room of rooms) room.unsubscribe();
  while (slow.checked) {
    const newest = { limit: 1, reverse: true };
    const asked = NAMES.map(async (name) => {
      const { publications = [] } = await hub.call("history", { channel: `demo-ticker:${name}`, ...newest });
      for (const { data } of publications) take(name, data);
    });
    await Promise.allSettled(asked); // they fail while there is no connection
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  subscribe();
}
// so far

hub.onstate = (state) => {
  if (state.kind === "closed") reader.goAway();
  page.show(state);
};
page.onreconnect = () => hub.reconnectNow();
subscribe();
showScores(hub, document.querySelector(".scores"));

slow.addEventListener("change", () => {
  if (slow.checked) void readSlowly();
  page.announce(slow.checked ? "The tab reads slowly" : "The tab reads everything");
});

const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const shown = new Map(["rate", "received", "skipped", "away", "late"].map((id) => [id, document.getElementById(id)]));
let before = { received: 0, time: performance.now() };

/** Figures that change twice a second can be read; those that change with every update cannot. */
setInterval(() => {
  const [time, { received, skipped, away, late }] = [performance.now(), reader];
  const rate = ((received - before.received) / (time - before.time)) * 1000;
  before = { received, time };
  const write = (id, value, unit = "") => (shown.get(id).textContent = integer.format(value) + unit);
  write("rate", rate);
  write("received", received);
  write("skipped", skipped);
  write("away", away);
  if (late !== undefined) write("late", late, " ms");
}, 500);
