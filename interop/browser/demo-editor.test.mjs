// Collaborative editing: two authors at once, one of them without a network for a while.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { demoTests } from "../support/demo.mjs";
import { serve } from "../support/server.mjs";

const demos = demoTests(before, after);

const area = (tab) => tab.page.getByRole("textbox", { name: "Text", exact: true });
const reads = (tab, text) =>
  tab.page.waitForFunction((text) => document.getElementById("text").value === text, text);
const saved = (tab) => tab.page.getByText("All changes are saved").waitFor();

/** A tab of somebody who may write. */
async function author(demo, name, options) {
  const tab = await (await demo.tab(options)).is("open");
  await tab.page.locator("#text:not([readonly])").waitFor();
  await tab.page.getByLabel("Your name").fill(name);
  return tab;
}

async function put(tab, position, text) {
  await area(tab).focus();
  await tab.page.evaluate((at) => document.getElementById("text").setSelectionRange(at, at), position);
  await tab.page.keyboard.insertText(text);
}

test("two write at once, one offline in between, and both see the same in the end", async (t) => {
  const demo = await demos.start(t, "editor");
  const [ada, grace] = [await author(demo, "Ada"), await author(demo, "Grace")];
  await put(ada, 0, "Dear all,\nthe picnic is on Friday.\n");
  await reads(grace, "Dear all,\nthe picnic is on Friday.\n");

  await grace.cut();
  await put(grace, 35, "Bring cake.\n");
  await put(grace, 0, "Hello! ");
  await grace.page.getByText("Your changes wait for the connection").waitFor();
  await put(ada, 27, "a sunny ");
  await saved(ada);
  await grace.restore();
  const merged = "Hello! Dear all,\nthe picnic is on a sunny Friday.\nBring cake.\n";
  await reads(grace, merged);
  await reads(ada, merged);
  for (const tab of [ada, grace]) {
    await saved(tab);
    tab.hasNoComplaints();
  }
});

test("a caret stays in its place, others see it with its name, and not any more when its tab is gone", async (t) => {
  const demo = await demos.start(t, "editor");
  const [ada, grace] = [await author(demo, "Ada"), await author(demo, "Grace")];
  await put(ada, 0, "one two");
  await reads(grace, "one two");
  await grace.page.locator("#people li", { hasText: "Ada" }).waitFor();
  await grace.page.locator('.caret[data-name="Ada"]').waitFor({ state: "attached" });
  await put(grace, 0, "zero ");
  await reads(ada, "zero one two");
  assert.equal(await ada.page.evaluate(() => document.getElementById("text").selectionStart), 12);
  await put(ada, 12, "!");
  await reads(grace, "zero one two!");
  // Where it is drawn: behind the text that it follows.
  const before = await grace.page.evaluate(() => document.querySelector(".caret").previousSibling.textContent);
  assert.match(before, /two!$/);
  await ada.page.close();
  await grace.page.locator("#people li").waitFor({ state: "detached" });
  assert.equal(await grace.page.locator(".caret").count(), 0);
});

test("undo takes back one's own, by keyboard and by button", async (t) => {
  const demo = await demos.start(t, "editor");
  const [ada, grace] = [await author(demo, "Ada"), await author(demo, "Grace")];
  await put(ada, 0, "mine");
  await reads(grace, "mine");
  await put(grace, 0, "yours and ");
  await reads(ada, "yours and mine");
  await area(ada).focus();
  await ada.page.keyboard.press("Control+z");
  await reads(grace, "yours and ");
  await ada.page.keyboard.press("Control+Shift+z");
  await reads(grace, "yours and mine");
  await grace.page.getByRole("button", { name: "Undo" }).click();
  await reads(ada, "mine");
});

test("who comes late gets the text, also from a snapshot; and a server that was restarted gets it back", async (t) => {
  const demo = await demos.start(t, "editor");
  const ada = await author(demo, "Ada");
  await put(ada, 0, "The text that stays.");
  await saved(ada);
  const late = await author(demo, "Grace");
  await reads(late, "The text that stays.");

  assert.equal(await demo.server.stop(), 0);
  await ada.is("closed");
  await late.is("closed");
  await put(late, 20, " And more.");
  await serve(t, { port: demo.server.port });
  for (const tab of [ada, late]) await tab.restore();
  await reads(ada, "The text that stays. And more.");
  await reads(late, "The text that stays. And more.");
  const third = await author(demo, "Mary");
  await reads(third, "The text that stays. And more.");
  for (const tab of [ada, late, third]) tab.hasNoComplaints();
});

test("it fits on a phone, can be used by keyboard, and shows how it works", async (t) => {
  const demo = await demos.start(t, "editor");
  const ada = await author(demo, "Ada");
  const grace = await author(demo, "Grace");
  const letter = "Dear all,\n\nthe picnic is on Friday, at the lake. Please bring something to eat, and somebody a blanket.\n\nUntil then,\nAda and Grace";
  await put(ada, 0, letter);
  await reads(grace, letter);
  await put(grace, 30, "");
  await grace.page.evaluate(() => document.getElementById("text").setSelectionRange(11, 34));
  await ada.page.locator('.caret[data-name="Grace"]').waitFor({ state: "attached" });
  await ada.page.locator("mark").waitFor();
  await ada.fits();
  await ada.pictures("editor");
  await ada.page.getByLabel("Your name").focus();
  await ada.page.keyboard.press("Tab");
  assert.equal(await ada.page.evaluate(() => document.activeElement.id), "text");
  const lines = await ada.explains();
  assert.ok(lines.some((line) => line.includes("text.receive(offset, data)")), lines.join("\n"));
  await ada.fits();
  ada.hasNoComplaints();
});
