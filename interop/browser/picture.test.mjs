// The page with some life in it. With SCREENSHOT set to a path, its picture is written there.

import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { connect } from "../support/client.mjs";
import { LongwirePage } from "../support/longwire-page.mjs";
import { serve } from "../support/server.mjs";

const SCREENSHOT = process.env.SCREENSHOT;

/** Ticks to wait for: enough for a line, or for the picture's whole minute. */
const TICKS = SCREENSHOT ? 60 : 3;

const CONVERSATION = [
  ["Ada", "Is this on?"],
  ["Grace", "Loud and clear."],
  ["Rózsa", "Here too, from the train."],
  ["Ada", "Then let us see what it can take."],
];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("a conversation of three, and a ticker with something to tell", async (t) => {
  const server = await serve(t);
  const visit = async () => {
    const options = { viewport: { width: 1200, height: 800 }, colorScheme: "light" };
    return new LongwirePage(await browser.tab(t, server.http(), options)).connected();
  };
  const tabs = new Map([["Ada", await visit()], ["Grace", await visit()]]);
  await makeTraffic(t, server, TICKS, async (tick) => {
    if (tick === Math.floor(TICKS / 2)) tabs.set("Rózsa", await visit());
  });

  for (const [name, text] of CONVERSATION) {
    await tabs.get(name).say(name, text);
    for (const tab of tabs.values()) await tab.shows(name, text);
  }
  const { page } = tabs.get("Ada");
  // A point for each tick.
  await page.waitForFunction((ticks) => {
    return document.querySelector("#rate-plot .line").getAttribute("d").match(/[ML]/g)?.length >= ticks;
  }, TICKS);
  if (SCREENSHOT) await page.screenshot({ path: SCREENSHOT });
});

/** Some messages to the echo at each tick of the server, in waves. */
async function makeTraffic(t, server, ticks, onTick) {
  const ticker = await connect(t, server.ws("/ticker"));
  const echo = await connect(t, server.ws("/echo"));
  for (let tick = 0; tick < ticks; tick += 1) {
    await ticker.message();
    await onTick(tick);
    const messages = Math.round(60 + 30 * Math.sin(tick / 5) + 12 * Math.sin(tick * 1.7));
    for (let sent = 0; sent < messages; sent += 1) echo.send("traffic");
    for (let received = 0; received < messages; received += 1) await echo.message();
  }
}
