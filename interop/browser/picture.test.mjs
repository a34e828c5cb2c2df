// All demos in use, one after the other, each in two windows, and the gallery beside them. With PICTURES set to a folder, their pictures
// are written there: `PICTURES=../docs node --test browser/picture.test.mjs` renews those of the documentation.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { connect } from "../support/client.mjs";
import { USES } from "../support/demo-uses.mjs";
import { LongwirePage } from "../support/longwire-page.mjs";
import { serve } from "../support/server.mjs";

const { PICTURES } = process.env;

/** Ticks to wait for: enough for a line, or for half a minute of the picture. */
const TICKS = PICTURES ? 30 : 3;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("a gallery of demos that are all in use", async (t) => {
  const server = await serve(t);
  const visit = (path) => browser.tab(t, server.http(path), { viewport: { width: 640, height: 760 } });
  const { demos } = await (await fetch(server.http("/demos.json"))).json();
  assert.deepEqual(demos.toSorted(), Object.keys(USES).sort());
  const first = await visit("/demo/notifications");
  await first.locator('body[data-state="open"]').waitFor();
  // Beside the notifications: it shows those of this browser.
  const page = await browser.tabOf(first.context(), server.http());
  const gallery = await new LongwirePage(page).connected();
  await page.locator("#gallery .card").nth(demos.length - 1).waitFor();
  for (const name of demos) {
    const path = `/demo/${name}`;
    const isShared = name === "notifications";
    const one = isShared ? first : await visit(path);
    const windows = [one, isShared ? await browser.tabOf(one.context(), server.http(path)) : await visit(path)];
    for (const window of windows) await window.locator('body[data-state="open"]').waitFor();
    await USES[name](windows, { t, server });
    if (PICTURES) await sideBySide(t, name, windows);
    for (const window of windows) await window.close();
  }
  await isAlive(page);
  await makeTraffic(t, server, TICKS);
  // A point for each tick.
  await page.waitForFunction((ticks) => {
    return document.querySelector("#rate-plot .line").getAttribute("d").match(/[ML]/g)?.length >= ticks;
  }, TICKS);
  if (PICTURES) await pictures(page);
  assert.deepEqual(gallery.page.complaints, []);
});

/** Each card shows what happens in its demo. */
async function isAlive(page) {
  const card = (title) => page.locator("#gallery .card", { has: page.getByRole("heading", { name: title }) });
  await card("Chat").getByText("Then let us see what it can take.").waitFor();
  await card("Notifications").getByText("26 unread").waitFor();
  await card("Collaborative editing").getByText(/\d edits/).waitFor();
  await card("Whiteboard").locator("canvas").waitFor();
  await card("Sensors").getByText("12 devices online").waitFor();
  await card("Ticker and scores").getByText(/\d+\.\d\d oak/).waitFor();
  for (const title of ["Game", "Audio and video", "Whiteboard", "Ticker and scores"]) {
    await page.waitForFunction(isDrawn, await card(title).locator("canvas").elementHandle());
  }
}

/** Runs in the page: whether the canvas has more than one colour. */
function isDrawn(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Uint32Array(data.buffer);
  return colours.some((colour) => colour !== colours[0]);
}

/** Some messages to the echo at each tick of the server, in waves. */
async function makeTraffic(t, server, ticks) {
  const ticker = await connect(t, server.ws("/ticker"));
  const echo = await connect(t, server.ws("/echo"));
  for (let tick = 0; tick < ticks; tick += 1) {
    await ticker.message();
    const messages = Math.round(60 + 30 * Math.sin(tick / 5) + 12 * Math.sin(tick * 1.7));
    for (let sent = 0; sent < messages; sent += 1) echo.send("traffic");
    for (let received = 0; received < messages; received += 1) await echo.message();
  }
}

/** The gallery as in the documentation, and on a phone and a desktop, light and dark, to look at. */
async function pictures(page) {
  const shoot = async (name, width, colorScheme) => {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => new Promise(requestAnimationFrame));
    await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  };
  await shoot("gallery", 1200, "light");
  if (!process.env.ALL_SIZES) return;
  for (const width of [390, 1280]) {
    for (const scheme of ["light", "dark"]) await shoot(`gallery-${width}-${scheme}`, width, scheme);
  }
}

/** A picture of two windows beside each other: `demos/NAME.png`. */
async function sideBySide(t, name, windows) {
  mkdirSync(join(PICTURES, "demos"), { recursive: true });
  const images = [];
  for (const window of windows) {
    const picture = (await window.screenshot()).toString("base64");
    images.push(`<img src="data:image/png;base64,${picture}">`);
  }
  const page = await browser.tab(t, "about:blank", { viewport: { width: 1304, height: 776 } });
  const style = "body { display: flex; gap: 8px; margin: 8px; background: #83898e } img { border-radius: 8px }";
  await page.setContent(`<style>${style}</style>${images.join("")}`);
  await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode())));
  await page.screenshot({ path: join(PICTURES, "demos", `${name}.png`) });
  await page.close();
}
