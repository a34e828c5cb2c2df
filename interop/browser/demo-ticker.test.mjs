// The ticker of the demos.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { demoTests } from "../support/demo.mjs";

const demos = demoTests(before, after);

/** Waits until the figure is at least `least`, and returns it. */
async function figure(tab, id, least = 0) {
  const handle = await tab.page.waitForFunction(
    ([id, least]) => {
      const value = Number(document.getElementById(id).textContent.replace(/[^\d]/g, "") || "0");
      return value >= least && { value };
    },
    [id, least],
  );
  return (await handle.jsonValue()).value;
}

/** Waits until the price of an instrument is another one. */
async function moves(tab, name) {
  const price = tab.page.locator(`[data-name="${name}"] .price`);
  await tab.page.waitForFunction((name) => {
    const shown = document.querySelector(`[data-name="${name}"] .price`).textContent;
    window.firstPrice ??= /\d/.test(shown) ? shown : undefined;
    return window.firstPrice !== undefined && shown !== window.firstPrice;
  }, name);
  return price.textContent();
}

test("two tabs read hundreds of prices a second, and a fast reader skips none", async (t) => {
  const demo = await demos.start(t, "ticker");
  const tabs = [await demo.tab(), await demo.tab()];
  for (const tab of tabs) {
    await tab.is("open");
    await moves(tab, "oak");
    await figure(tab, "received", 1_000);
    assert.equal(await figure(tab, "skipped"), 0);
    await tab.page.locator(".scores tbody tr").nth(3).waitFor();
    await tab.fits();
    tab.hasNoComplaints();
  }
  await tabs[0].pictures("ticker");
});

test("a slow reader skips most updates and is never behind, while the other tab gets all", async (t) => {
  const demo = await demos.start(t, "ticker");
  const [slow, fast] = [await demo.tab(), await demo.tab()];
  for (const tab of [slow, fast]) await figure(tab, "received", 100);
  await slow.page.getByRole("switch", { name: "Slow reader" }).press("Space");
  await figure(slow, "skipped", 500);
  const late = await figure(slow, "late");
  assert.ok(late < 1_000, `${late} ms late`);
  assert.equal(await figure(fast, "skipped"), 0);

  // From here on the first tab reads everything again.
  await slow.page.getByRole("switch", { name: "Slow reader" }).press("Space");
  const received = await figure(slow, "received");
  await figure(slow, "received", received + 1_000);
  slow.hasNoComplaints();
});

test("a slow reader alone keeps the market open", async (t) => {
  const demo = await demos.start(t, "ticker");
  const tab = await demo.tab();
  await figure(tab, "received", 24);
  await tab.page.getByRole("switch", { name: "Slow reader" }).check();
  const skipped = await figure(tab, "skipped", 100);
  await figure(tab, "skipped", skipped + 500);
});

test("over a cut network prices are missed and goals are not", async (t) => {
  const demo = await demos.start(t, "ticker");
  const [away, here] = [await demo.tab(), await demo.tab()];
  for (const tab of [away, here]) await figure(tab, "received", 100);
  const goals = (tab) => tab.page.locator("#goals li").allTextContents();
  await away.cut();
  const known = await goals(here);
  await here.page.waitForFunction((known) => {
    const [newest] = document.querySelectorAll("#goals li");
    return newest !== undefined && newest.textContent !== known;
  }, known[0]);
  await away.restore();
  await figure(away, "away", 1);
  await away.page.getByText(/Recovered \d+ goals? after a loss/).waitFor();
  for (const goal of await goals(here)) await away.page.locator("#goals li", { hasText: goal }).waitFor();
  const shown = await goals(away);
  assert.equal(new Set(shown).size, shown.length, "no goal twice");
  assert.equal(await figure(away, "skipped"), 0, "that the network was down is not the reader's doing");
  const lines = await away.explains();
  assert.ok(lines.includes("const hub = new Hub();"), lines.join("\n"));
  away.hasNoComplaints();
});
