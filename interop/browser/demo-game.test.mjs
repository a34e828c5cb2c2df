// The game in Chromium. What the server says is observed by another client.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { read } from "../../crates/cli/web/demo/game/protocol.js";
import { connect } from "../support/client.mjs";
import { demoTests } from "../support/demo.mjs";

const demos = demoTests(before, after);

/** Watches the game, as the server tells it. */
class Observer {
  #client;
  #names = new Map();

  static async of(t, demo) {
    const observer = new Observer();
    observer.#client = await connect(t, demo.server.ws("/demo/game/socket"));
    return observer;
  }

  /** The player of this name, as soon as `isSo` of it. */
  async sees(name, isSo = () => true) {
    for (;;) {
      const data = await this.#client.message();
      const message = read(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
      if (message.kind === "roster") this.#names = new Map(message.players.map((entry) => [entry.seat, entry.name]));
      if (message.kind !== "snapshot") continue;
      const player = message.players.find(({ seat }) => this.#names.get(seat) === name);
      if (player && isSo(player)) return player;
    }
  }
}

/** Plays under this name. */
async function play(tab, name) {
  await tab.is("open");
  await tab.page.getByLabel("Name").fill(name);
  await tab.page.getByRole("button", { name: "Play" }).click();
  await tab.page.locator("body.playing").waitFor();
}

const news = (tab, text) => tab.page.locator("#news", { hasText: text }).waitFor();
const rank = (tab, name) => tab.page.locator("#ranks .name", { hasText: name }).waitFor();

test("two tabs play with each other and with bots, and see how late they are", async (t) => {
  const demo = await demos.start(t, "game");
  const ada = await demo.tab();
  await play(ada, "Ada");
  const grace = await demo.tab();
  await grace.is("open");
  await rank(grace, /^Ada$/);
  await play(grace, "<i>Grace</i>");
  await rank(ada, "<i>Grace</i>");
  await ada.page.locator("#size", { hasText: /^\d+$/ }).waitFor();
  await ada.page.locator("#rank", { hasText: /^\d+ of \d+$/ }).waitFor();
  await ada.page.locator("#latency", { hasText: /^\d+ ms$/ }).waitFor();
  await ada.page.locator("#rate", { hasText: /^[1-9]\d* \/ s$/ }).waitFor();
  assert.ok((await ada.page.locator("#ranks small", { hasText: "bot" }).count()) >= 2);
  await grace.fits();
  await grace.pictures("game");
  for (const tab of [ada, grace]) tab.hasNoComplaints();
});

test("the arrow keys steer, and do not scroll the page", async (t) => {
  const demo = await demos.start(t, "game");
  const [observer, tab] = [await Observer.of(t, demo), await demo.tab()];
  await tab.is("open");
  await tab.page.getByLabel("Name").focus();
  await tab.page.keyboard.type("Ada");
  await tab.page.keyboard.press("Enter");
  await tab.page.locator("body.playing #arena:focus").waitFor();
  const start = await observer.sees("Ada", (player) => !player.eaten);
  const scrolled = () => tab.page.evaluate(() => scrollY);
  const before = await scrolled();
  const [key, name, sign] = start.y > 500 ? ["ArrowUp", "y", -1] : ["ArrowDown", "y", 1];
  await tab.page.keyboard.down(key);
  const isThere = (player) => player.life !== start.life || sign * (player[name] - start[name]) > 100;
  assert.ok(await observer.sees("Ada", isThere));
  await tab.page.keyboard.up(key);
  assert.equal(await scrolled(), before);
});

test("a finger steers", async (t) => {
  const demo = await demos.start(t, "game");
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const [observer, tab] = [await Observer.of(t, demo), await demo.tab(phone)];
  await play(tab, "Ada");
  const start = await observer.sees("Ada", (player) => !player.eaten);
  // The camera keeps the player in the middle unless a wall is near, so a corner of the arena is always ahead.
  const box = await tab.page.locator("#arena").boundingBox();
  const corner = { x: start.x > 800 ? 8 : box.width - 8, y: start.y > 500 ? 8 : box.height - 8 };
  await tab.page.locator("#arena").tap({ position: corner });
  const sign = start.x > 800 ? -1 : 1;
  await observer.sees("Ada", (player) => player.life !== start.life || sign * (player.x - start.x) > 50);
});

test("a player whose network is cut comes back to the same place with the same size", async (t) => {
  const demo = await demos.start(t, "game");
  const [observer, ada, grace] = [await Observer.of(t, demo), await demo.tab(), await demo.tab()];
  await play(ada, "Ada");
  await play(grace, "Grace");
  const before = await observer.sees("Ada");
  await ada.cut();
  await observer.sees("Ada", (player) => player.absent);
  await ada.restore();
  await news(ada, "You are back where you were.");
  const back = await observer.sees("Ada", (player) => !player.absent);
  assert.equal(back.seat, before.seat);
  await rank(grace, /^Ada$/);
  assert.equal(await grace.page.locator("#ranks .name", { hasText: /^Ada$/ }).count(), 1);
  for (const tab of [ada, grace]) tab.hasNoComplaints();
});

test("a line that is dead without an end is noticed, and the seat is taken over from it", async (t) => {
  const demo = await demos.start(t, "game");
  const [observer, ada] = [await Observer.of(t, demo), await demo.tab()];
  await play(ada, "Ada");
  const { seat } = await observer.sees("Ada");
  ada.network.freeze();
  await ada.page.locator('body:not([data-state="open"])').waitFor();
  // The old connection stays frozen: the server does not know that it is dead.
  ada.network.replace();
  await ada.is("open");
  await news(ada, "You are back where you were.");
  assert.equal((await observer.sees("Ada")).seat, seat);
});

test("what happens is told as text", async (t) => {
  const demo = await demos.start(t, "game");
  const tab = await demo.tab();
  await tab.is("open");
  const status = tab.page.locator("#news[role=status]");
  await status.getByText("Choose a name and play").waitFor();
  await play(tab, "Ada");
  await status.getByText(/You play|eaten/).waitFor();
});

test("how it works is shown from the files that run", async (t) => {
  const demo = await demos.start(t, "game");
  const tab = await demo.tab();
  const lines = await tab.explains();
  assert.ok(lines.some((line) => line.includes("new Connection(endpoint(")), lines.join("\n"));
  await tab.fits();
  tab.hasNoComplaints();
});
