// The page of `longwire serve` in Chromium.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { connect } from "../support/client.mjs";
import { LongwirePage } from "../support/longwire-page.mjs";
import { serve } from "../support/server.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function open(t, server, options) {
  return new LongwirePage(await browser.tab(t, server.http(), options)).connected();
}

/** From here on the page does not reconnect by itself: what brings it back is what the test does. */
function stopTimers(page) {
  return page.evaluate(() => {
    window.setTimeout = () => 0;
  });
}

test("two tabs chat with each other", async (t) => {
  const server = await serve(t);
  const [ada, grace] = [await open(t, server), await open(t, server)];
  await ada.say("Ada", "Is this on?");
  await ada.shows("Ada", "Is this on?");
  await grace.shows("Ada", "Is this on?");
  await grace.say("Grace", "Loud and clear.");
  await grace.shows("Grace", "Loud and clear.");
  await ada.shows("Grace", "Loud and clear.");
  assert.equal(await ada.page.locator(".log li").count(), 2);
  assert.deepEqual(ada.page.complaints, []); // nothing against the Content-Security-Policy, nothing thrown
});

test("the ticker shows the server's numbers as they change", async (t) => {
  const server = await serve(t);
  const ticker = await open(t, server);
  await ticker.value("connections", /^3$/);
  await ticker.value("messages", /^\d+$/);
  await ticker.value("uptime", /^\d+ s$/);

  const client = await connect(t, server.ws("/echo"));
  client.send("counted");
  client.send("counted too");
  await ticker.value("connections", /^4$/);
  
  await ticker.page.waitForSelector("#rate-plot .line[d*='L']", { state: "attached" });
});

test("what is not of the chat is shown as text, whatever it says", async (t) => {
  const server = await serve(t);
  const { page } = await open(t, server);
  const log = page.getByRole("log");
  const client = await connect(t, server.ws("/channel/demo:chat"));
  const markup = "<img src=x onerror=document.title='run'>";
  client.send(markup);
  client.send(JSON.stringify({ name: markup, text: markup }));
  client.send(JSON.stringify({ name: 1, text: [] }));
  client.send("null");
  client.send(Buffer.from([1, 2, 3]));
  client.send("the end");
  await log.getByText("the end").waitFor();

  const texts = await log.locator("li p").allTextContents();
  assert.deepEqual(texts, [markup, markup, '{"name":1,"text":[]}', "null", "binary message, 3 bytes", "the end"]);
  assert.equal(await log.locator("img").count(), 0);
  assert.equal(await page.title(), "Longwire");
});

test("the log is bounded, and the newest message stays in view", async (t) => {
  // Without a limit to the rate of publishing.
  const config = "[namespaces.demo]\nsubscribe = ['anonymous']\npublish = ['subscriber']\n";
  const server = await serve(t, { config });
  const { page } = await open(t, server);
  const client = await connect(t, server.ws("/channel/demo:chat"));
  for (let line = 0; line < 300; line += 1) client.send(JSON.stringify({ name: "Ada", text: `line ${line}.` }));
  await page.getByText("line 299.").waitFor();
  assert.equal(await page.locator(".log li").count(), 200);
  const distanceFromEnd = await page.getByRole("log").evaluate((log) => {
    return log.scrollHeight - log.scrollTop - log.clientHeight;
  });
  assert.ok(distanceFromEnd < 2, `${distanceFromEnd} px from the end`);
});

test("after a restart of the server the page reconnects, and nothing typed is lost", async (t) => {
  const server = await serve(t);
  const [ada, grace] = [await open(t, server), await open(t, server)];
  assert.equal(await server.stop(), 0);
  await ada.disconnected();
  await grace.disconnected();
  const message = ada.page.getByLabel("Message", { exact: true });
  await ada.say("Ada", "typed meanwhile");
  assert.equal(await message.inputValue(), "typed meanwhile");
  assert.ok(await ada.page.getByRole("button", { name: "Send" }).isDisabled());
  await ada.page.getByText("What you typed stays here").waitFor();
  await ada.page.locator("#chat .countdown", { hasText: /next try in \d+ s/ }).waitFor();

  await serve(t, { port: server.port });
  await ada.connected();
  await grace.connected();
  await message.press("Enter");
  await grace.shows("Ada", "typed meanwhile");
  assert.equal(await message.inputValue(), "");
  for (const panel of ["chat", "ticker"]) {
    const states = await ada.shownStates(panel);
    const opened = states.indexOf("Open");
    assert.equal(states[opened - 1], "Connecting …");
    assert.match(states[opened + 1], /^Closed: 1001 going away/);
    assert.deepEqual(states.slice(-2), ["Connecting …", "Open"]);
  }
});

test("Reconnect now does not wait for the next try", async (t) => {
  const server = await serve(t);
  const tab = await open(t, server);
  const { page } = tab;
  await stopTimers(page);
  await server.stop();
  await tab.disconnected();
  await serve(t, { port: server.port });
  await page.getByRole("button", { name: "Reconnect now to the chat" }).press("Enter");
  await page.getByRole("button", { name: "Reconnect now to the ticker" }).press("Enter");
  await tab.connected();
  assert.equal(await page.getByRole("button", { name: /Reconnect now/ }).count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), "ticker-title");
});

test("a device that is online again reconnects at once", async (t) => {
  const server = await serve(t);
  const tab = await open(t, server);
  await stopTimers(tab.page);
  await server.stop();
  await tab.disconnected();
  await serve(t, { port: server.port });
  await tab.page.context().setOffline(true);
  await tab.page.context().setOffline(false);
  await tab.connected();
});

test("by keyboard alone: to the name, to the message, Enter sends", async (t) => {
  const server = await serve(t);
  const tab = await open(t, server);
  const { page } = tab;
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
  const visited = [];
  while (visited.at(-1) !== "name") {
    assert.ok(visited.length < 5, `the name is not reached: ${visited}`);
    await page.keyboard.press("Tab");
    visited.push(await focused());
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", `the focus is visible on ${visited.at(-1)}`);
  }
  await page.keyboard.type("Ada");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "text");
  await page.keyboard.type("No mouse needed.");
  await page.keyboard.press("Enter");
  await tab.shows("Ada", "No mouse needed.");
  assert.equal(await focused(), "text");
});

test("on a phone nothing is wider than the screen, connected or not", async (t) => {
  const server = await serve(t);
  const phone = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  const tab = await open(t, server, phone);
  const width = () => tab.page.evaluate(() => document.documentElement.scrollWidth);
  await tab.say("A".repeat(40), "W".repeat(400));
  await tab.shows("AAA", "WWW");
  assert.equal(await width(), 320);
  await server.stop();
  await tab.disconnected();
  assert.equal(await width(), 320);
});

test("the examples name the address of this very server", async (t) => {
  const server = await serve(t);
  const { page } = await open(t, server);
  const examples = await page.locator("pre").allTextContents();
  assert.ok(examples[0].includes(`new WebSocket("${server.ws("/channel/demo:news")}")`), examples[0]);
  assert.ok(examples[1].includes(`longwire connect ${server.ws("/echo")}\n`), examples[1]);
});

test("over https the page uses wss, with our certificate authority trusted", async (t) => {
  const server = await serve(t, { tls: true });
  const [ada, grace] = [await open(t, server), await open(t, server)];
  await ada.say("Ada", "over TLS");
  await grace.shows("Ada", "over TLS");
  assert.deepEqual(ada.page.complaints, []);
});
