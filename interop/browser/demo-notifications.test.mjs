// The notifications of the demos.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { demoTests } from "../support/demo.mjs";

const demos = demoTests(before, after);
const run = async (command) => (await promisify(execFile)("sh", ["-c", command])).stdout;

const unread = (tab, count) => tab.page.locator(".badge", { hasText: `${count} unread` }).waitFor();
const send = (tab, button) => tab.page.getByRole("button", { name: button }).click();

async function open(demo, options) {
  const tab = await (await demo.tab(options)).is("open");
  await tab.page.locator("#curl", { hasText: "demo-inbox" }).waitFor();
  return tab;
}

test("the command that the page shows publishes to this user, and to nobody else", async (t) => {
  const demo = await demos.start(t, "notifications");
  const [mine, other] = [await open(demo), await open(demo)];
  const command = await mine.page.locator("#curl").textContent();
  const answer = JSON.parse(await run(command));
  assert.equal(answer.result.offset, 1);
  await mine.page.locator(".inbox").getByText("Hello from curl").waitFor();
  await unread(mine, 1);
  await send(other, "Send one");
  await unread(other, 1);
  assert.equal(await other.page.locator(".inbox").getByText("Hello from curl").count(), 0);
  await mine.explains();
  for (const tab of [mine, other]) tab.hasNoComplaints();
});

test("all tabs of the browser agree on what is unread, also one that comes later", async (t) => {
  const demo = await demos.start(t, "notifications");
  const first = await open(demo);
  const second = await open(demo, { beside: first });
  await send(first, "Send one");
  await unread(first, 1);
  await unread(second, 1);
  await second.page.waitForFunction(() => document.title.startsWith("(1) "));
  await second.page.getByRole("button", { name: "Mark all as read" }).press("Enter");
  await first.page.locator(".badge").waitFor({ state: "hidden" });
  assert.equal(await second.page.evaluate(() => document.activeElement.id), "inbox-title");
  await send(second, "Send one");
  await unread(first, 1);
  const third = await open(demo, { beside: first });
  await unread(third, 1);
  assert.equal(await third.page.locator(".inbox > li").count(), 2);
});

test("a burst is one line, which opens", async (t) => {
  const demo = await demos.start(t, "notifications");
  const tab = await open(demo);
  await send(tab, "Send 25 at once");
  await unread(tab, 25);
  const burst = tab.page.locator(".inbox > li.burst");
  await burst.getByText("25 notifications").waitFor();
  assert.equal(await tab.page.locator(".inbox > li").count(), 1);
  await burst.locator("summary").press("Enter");
  assert.equal(await burst.locator("ol li:visible").count(), 25);
  assert.equal(new Set(await burst.locator("ol li").evaluateAll((all) => all.map((li) => li.dataset.offset))).size, 25);
  await tab.fits();
  await tab.pictures("notifications");
});

test("what comes while the network is cut arrives afterwards, once", async (t) => {
  const demo = await demos.start(t, "notifications");
  const tab = await open(demo);
  await send(tab, "Send one");
  await unread(tab, 1);
  const command = await tab.page.locator("#curl").textContent();
  await tab.cut();
  const direct = command.replace(tab.network.http(""), demo.server.http("").replace(/\/$/, ""));
  for (let sent = 0; sent < 2; sent += 1) await run(direct);
  await tab.restore();
  await unread(tab, 3);
  assert.equal(await tab.page.locator(".inbox").getByText("Hello from curl").count(), 2);
  tab.hasNoComplaints();
});

test("the key is for channels of the demos, and the token for one's own inbox", async (t) => {
  const demo = await demos.start(t, "notifications");
  const post = (path, body, headers) =>
    fetch(demo.server.http(path), { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  const { token, user, api_key: key } = await (await post("/demo/token", { name: "Ada" })).json();
  const again = await (await post("/demo/token", { name: "Ada", token })).json();
  assert.equal(again.user, user);
  const publish = (channel, headers = { "X-API-Key": key }) => post("/demo/api/publish", { channel, data: 1 }, headers);
  assert.equal((await publish(`demo-inbox:#${user}`)).status, 200);
  assert.equal((await publish("news")).status, 403);
  assert.equal((await publish("demo:tea", {})).status, 401);
  assert.equal((await post("/api/publish", { channel: "news", data: 1 }, { "X-API-Key": key })).status, 401);
  assert.equal((await post("/demo/token", { name: "x".repeat(41) })).status, 400);
  assert.equal((await post("/demo/token", "not JSON")).status, 400);
  assert.equal((await post("/demo/token", { name: "x".repeat(20_000) })).status, 413);
  // A flood is refused before it costs anything.
  const flood = await Promise.all(Array.from({ length: 400 }, () => publish("demo:flood").then(({ status }) => status)));
  assert.ok(flood.includes(429) && flood.includes(200), `${new Set(flood)}`);
});
