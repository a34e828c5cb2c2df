// The chat of the demos.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { demoTests } from "../support/demo.mjs";

const demos = demoTests(before, after);

async function say(tab, text) {
  await tab.page.getByLabel("Message", { exact: true }).fill(text);
  await tab.page.getByLabel("Message", { exact: true }).press("Enter");
}

test("what is said while a tab is away comes when it is back, in order and once", async (t) => {
  const demo = await demos.start(t, "chat");
  const [ada, grace] = [await demo.tab(), await demo.tab({ path: "/" })];
  await ada.is("open");
  await grace.is("open");
  await say(ada, "one");
  await grace.page.getByText("one").waitFor();
  await grace.cut();
  await say(ada, "two");
  await say(ada, "three");
  await ada.page.getByText("three").waitFor();
  await grace.restore();
  await grace.page.getByText("three").waitFor();
  assert.deepEqual(await grace.page.locator(".log li").allTextContents(), ["one", "two", "three"]);
  const lines = await grace.howItWorks();
  assert.ok(lines.includes("const hub = new Hub();"), lines.join("\n"));
  await grace.fits();
  await grace.pictures("chat");
  for (const tab of [ada, grace]) tab.hasNoComplaints();
});
