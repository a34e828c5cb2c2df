// The page of `longwire serve` in Chromium: the gallery, the server's figures, and what to use from one's own code.

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

test("every demo of the server has a card, which is live and opens it", async (t) => {
  const server = await serve(t);
  const { demos } = await (await fetch(server.http("/demos.json"))).json();
  const gallery = await open(t, server);
  const { page } = gallery;
  const cards = page.locator("#gallery .card");
  await cards.nth(demos.length - 1).waitFor();
  assert.equal(await cards.count(), demos.length);
  const chat = await browser.tab(t, server.http("/demo/chat"));
  await chat.locator('body[data-state="open"]').waitFor();
  await chat.getByLabel("Message", { exact: true }).fill("Seen from the gallery");
  await chat.getByLabel("Message", { exact: true }).press("Enter");
  await cards.getByText("Seen from the gallery").waitFor();
  for (const name of demos) {
    const href = await page.locator(`#gallery a[href="/demo/${name}"]`).count();
    assert.equal(href, 1, name);
  }
  await page.getByRole("link", { name: "Chat" }).press("Enter");
  await page.getByRole("heading", { level: 1, name: "Chat" }).waitFor();
  await page.getByRole("link", { name: "All demos" }).click();
  await gallery.connected();
  assert.deepEqual(page.complaints, []); // nothing against the Content-Security-Policy, nothing thrown
});

/** Presses Tab until the focus is there. */
async function tabTo(page, target) {
  for (let presses = 0; presses < 20; presses += 1) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`Tab does not reach ${target}`);
}

test("with the keyboard alone: from the gallery to the chat, a name, a message, another room, and back", async (t) => {
  const server = await serve(t);
  const gallery = await open(t, server);
  const { page } = gallery;
  const chat = page.getByRole("link", { name: "Chat" });
  await chat.waitFor();
  await tabTo(page, chat);
  const [card] = await page.locator("#gallery .card").all();
  assert.notEqual(await card.evaluate((card) => getComputedStyle(card).outlineStyle), "none"); // the focus is visible
  await page.keyboard.press("Enter");
  await page.locator('body[data-state="open"]').waitFor();
  await tabTo(page, page.getByLabel("Name"));
  await page.keyboard.type("Ada");
  await page.keyboard.press("Tab");
  await page.getByText("Ada (you)").waitFor();
  await page.keyboard.type("Without a mouse");
  await page.keyboard.press("Enter");
  await page.locator(".log li:not(.waiting)", { hasText: "Without a mouse" }).waitFor();
  await page.keyboard.press("Shift+Tab"); // the name
  await page.keyboard.press("Shift+Tab"); // the log, which scrolls
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "log");
  await page.keyboard.press("Shift+Tab"); // the last of the rooms
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Engine room" }).waitFor();
  const back = page.getByRole("link", { name: "All demos" });
  for (let presses = 0; presses < 3; presses += 1) await page.keyboard.press("Shift+Tab");
  assert.ok(await back.evaluate((link) => link === document.activeElement));
  await page.keyboard.press("Enter");
  await gallery.connected();
});

for (const [what, options] of [
  ["--no-demo", { args: ["--no-demo"] }],
  ["a key for tokens", { config: "[tokens]\nhmac_secret = 'a secret of the tests that has at least 32 bytes'\n" }],
]) {
  test(`with ${what} there are no demos, and the rest works`, async (t) => {
    const server = await serve(t, options);
    const { page } = await open(t, server);
    await page.getByText("The demos are off on this server.").waitFor();
    assert.equal(await page.locator("#gallery").isVisible(), false);
    for (const path of ["/demo/chat", "/demo/shared/hub.js"]) {
      assert.equal((await fetch(server.http(path))).status, 404, path);
    }
    for (const path of ["/demo/token", "/demo/api/publish"]) {
      assert.equal((await fetch(server.http(path), { method: "POST", body: "{}" })).status, 404, path);
    }
    assert.deepEqual(page.complaints, []);
  });
}

test("the server's figures change as it works", async (t) => {
  const server = await serve(t, { args: ["--no-demo"] });
  const ticker = await open(t, server);
  await ticker.value("connections", /^1$/);
  await ticker.value("messages", /^0$/);
  await ticker.value("uptime", /^\d+ s$/);

  const client = await connect(t, server.ws("/echo"));
  client.send("counted");
  client.send("counted too");
  await ticker.value("connections", /^2$/);
  await ticker.value("messages", /^2$/);
  await ticker.page.waitForSelector("#rate-plot .line[d*='L']", { state: "attached" });
});

test("after a restart of the server the page reconnects", async (t) => {
  const server = await serve(t);
  const tab = await open(t, server);
  assert.equal(await server.stop(), 0);
  await tab.disconnected();
  await tab.page.locator("#ticker .countdown", { hasText: /next try in \d+ s/ }).waitFor();
  await serve(t, { port: server.port });
  await tab.connected();
  const states = await tab.shownStates("ticker");
  const opened = states.indexOf("Open");
  assert.equal(states[opened - 1], "Connecting …");
  assert.match(states[opened + 1], /^Closed: 1001 going away/);
  assert.deepEqual(states.slice(-2), ["Connecting …", "Open"]);
});

test("Reconnect now does not wait for the next try", async (t) => {
  const server = await serve(t);
  const tab = await open(t, server);
  const { page } = tab;
  await stopTimers(page);
  await server.stop();
  await tab.disconnected();
  await serve(t, { port: server.port });
  await page.getByRole("button", { name: "Reconnect now to the server’s figures" }).press("Enter");
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

test("on a phone nothing is wider than the screen, connected or not", async (t) => {
  const server = await serve(t);
  const phone = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  const tab = await open(t, server, phone);
  await tab.page.locator("#gallery .card").nth(1).waitFor();
  const width = () => tab.page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(await width(), 320);
  await server.stop();
  await tab.disconnected();
  assert.equal(await width(), 320);
});

test("the examples name the address of this very server", async (t) => {
  const server = await serve(t);
  const { page } = await open(t, server);
  const examples = await page.locator(".samples pre").allTextContents();
  assert.ok(examples[0].includes(`new WebSocket("${server.ws("/channel/demo:news")}")`), examples[0]);
  assert.ok(examples[1].includes(`longwire connect ${server.ws("/echo")}\n`), examples[1]);
});

test("over https everything uses wss, with our certificate authority trusted", async (t) => {
  const server = await serve(t, { tls: true });
  const { page } = await open(t, server);
  await page.locator("#gallery .card").first().waitFor();
  await page.goto(server.http("/demo/chat"));
  await page.locator('body[data-state="open"]').waitFor();
  assert.deepEqual(page.complaints, []);
});
