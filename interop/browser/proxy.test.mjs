// The page of `longwire proxy` in Chromium: it shows what passes between another page and a server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { proxy } from "../support/proxy.mjs";
import { serve } from "../support/server.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A WebSocket of this page to the proxy, which sends `messages` and waits for as many. */
function exchange(page, url, messages) {
  return page.evaluate(
    ([url, messages]) =>
      new Promise((resolve, reject) => {
        const received = [];
        const socket = new WebSocket(url);
        socket.onopen = () => messages.forEach((message) => socket.send(message));
        socket.onerror = () => reject(new Error("the WebSocket failed"));
        socket.onmessage = ({ data }) => {
          received.push(data);
          if (received.length === messages.length) socket.close(4000, "enough");
        };
        socket.onclose = ({ code }) => resolve({ received, code });
      }),
    [url, messages],
  );
}

/** The page of a proxy in front of a server, after a client's page has exchanged `messages`. */
async function open(t, messages, options = {}) {
  const server = await serve(t);
  const between = await proxy(t, server.ws("/echo"));
  const client = await browser.tab(t, server.http());
  const outcome = await exchange(client, between.url, messages);
  const page = await browser.tab(t, between.page, options);
  await page.locator('#panel[data-state="open"]').waitFor();
  return { between, client, page, outcome, rows: page.locator("#list li") };
}

const JSON_MESSAGE = JSON.stringify({ room: "tea", users: ["ann", "bob"], text: "<b>not bold</b>".repeat(5) });

test("what has passed before and what passes now is in the list", async (t) => {
  const { between, client, page, outcome, rows } = await open(t, ["hello", JSON_MESSAGE]);
  assert.deepEqual(outcome, { received: ["hello", JSON_MESSAGE], code: 4000 });
  await rows.getByText("ended").waitFor();
  assert.equal(await page.locator("#list li.sent", { hasText: "hello" }).count(), 1);
  assert.equal(await page.locator("#list li.received", { hasText: "hello" }).count(), 1);
  assert.equal(await page.locator("#list li.close", { hasText: "4000 enough" }).count(), 2);
  await exchange(client, between.url, ["now"]);
  await page.locator("#list li.received", { hasText: "now" }).waitFor();
  assert.equal(await page.locator("#list b").count(), 0, "messages are text, not HTML");
  assert.deepEqual(page.complaints, []);
  if (process.env.PICTURE) await page.screenshot({ path: `${process.env.PICTURE}/proxy.png` });
});

test("with the keyboard, a message is chosen and read", async (t) => {
  const { page } = await open(t, ["hello", JSON_MESSAGE]);
  await page.getByText("hello").first().waitFor();
  await page.locator("#list").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  const detail = page.locator("#detail");
  await detail.waitFor();
  await page.locator("#list").press("End");
  assert.match(await page.locator("#detail-head").textContent(), /end · connection 1/);
  await page.locator("#list li.received", { hasText: "room" }).click();
  assert.equal(await page.locator("#detail-data").textContent(), JSON.stringify(JSON.parse(JSON_MESSAGE), null, 2));
  await page.locator("#list").focus();
  await page.keyboard.press("Escape");
  await detail.waitFor({ state: "hidden" });
});

test("the list is filtered, paused and cleared", async (t) => {
  const { between, client, page, rows } = await open(t, ["apple", "pear"]);
  await rows.getByText("ended").waitFor();
  await exchange(client, between.url, ['{"price":41,"currency":"EUR"}']);
  await page.getByLabel("Filter").fill('"price": 41,\n  "currency": "EUR"');
  await page.locator("#list li.received").waitFor();
  assert.equal(await rows.count(), 2, "a copy of the indented message is found");
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByLabel("Filter").fill("");
  await exchange(client, between.url, ["apple", "pear"]);
  await page.locator("#list li.received", { hasText: "pear" }).waitFor();
  await page.getByLabel("Filter").fill("APP");
  assert.equal(await rows.count(), 2);
  await page.getByLabel("Filter").fill("/^p.*r$/");
  assert.equal(await rows.count(), 2);
  await page.getByLabel("Filter").fill("/(/");
  assert.equal(await page.getByLabel("Filter").getAttribute("aria-invalid"), "true");
  await page.getByLabel("Filter").fill("");
  await page.getByLabel("Show").selectOption("control");
  assert.equal(await page.locator("#list li:not(.control)").count(), 0);
  await page.getByLabel("Show").selectOption("messages");
  assert.equal(await rows.count(), 4);

  await page.getByRole("button", { name: "Pause" }).click();
  await exchange(client, between.url, ["while paused"]);
  await page.locator("#summary", { hasText: /paused, [4-9] more/ }).waitFor();
  assert.equal(await rows.count(), 4);
  await page.getByRole("button", { name: "Pause" }).click();
  await rows.getByText("while paused").first().waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await rows.count(), 0);
});

test("the page says that the proxy is gone, and comes back with it", async (t) => {
  const { between, client, page, rows } = await open(t, ["hello"]);
  await rows.getByText("ended").waitFor();
  await between.end();
  await page.locator('#panel[data-state="closed"]').waitFor();
  assert.ok((await rows.count()) > 0, "what was seen stays");
  const again = await between.startAgain();
  await page.locator('#panel[data-state="open"]').waitFor();
  await exchange(client, again.url, ["new run"]);
  await rows.getByText("new run").first().waitFor();
  assert.equal(await page.getByText("hello").first().isVisible(), true);
});

test("on a phone nothing is wider than the screen", async (t) => {
  const { page, rows } = await open(t, ["x".repeat(300), JSON_MESSAGE], { viewport: { width: 360, height: 640 } });
  await rows.getByText("ended").waitFor();
  await page.locator("#list li.received", { hasText: "room" }).click();
  await page.locator("#detail").waitFor();
  const { scroll, client } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    client: document.documentElement.clientWidth,
  }));
  assert.ok(scroll <= client, `${scroll} > ${client}`);
  if (process.env.PICTURE) await page.screenshot({ path: `${process.env.PICTURE}/proxy-phone.png` });
});
