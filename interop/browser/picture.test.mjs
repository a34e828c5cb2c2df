// The gallery with some life in it. With SCREENSHOT set to a path, its picture is written there.

import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { connect } from "../support/client.mjs";
import { LongwirePage } from "../support/longwire-page.mjs";
import { serve } from "../support/server.mjs";

const SCREENSHOT = process.env.SCREENSHOT;

/** Ticks to wait for: enough for a line, or for the picture's whole minute. */
const TICKS = SCREENSHOT ? 60 : 3;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("a gallery of demos that are in use", async (t) => {
  const server = await serve(t);
  const visit = (path) => browser.tab(t, server.http(path), { viewport: { width: 1200, height: 900 } });
  const { demos } = await (await fetch(server.http("/demos.json"))).json();
  // Each demo has a visitor, so that there is something to see.
  const visits = new Map();
  for (const name of demos) visits.set(name, await visit(`/demo/${name}`));
  const gallery = await new LongwirePage(await visit("/")).connected();
  await say(visits.get("chat"), "Ada", "Then let us see what it can take.");
  await gallery.page.locator("#gallery").getByText("Then let us see what it can take.").waitFor();
  await makeTraffic(t, server, TICKS);
  // A point for each tick.
  await gallery.page.waitForFunction((ticks) => {
    return document.querySelector("#rate-plot .line").getAttribute("d").match(/[ML]/g)?.length >= ticks;
  }, TICKS);
  if (SCREENSHOT) await gallery.page.screenshot({ path: SCREENSHOT });
});

async function say(page, name, text) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Name").press("Tab");
  await page.getByText(`${name} (you)`).waitFor();
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
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
