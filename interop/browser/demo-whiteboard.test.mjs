// The whiteboard: two who draw at once, one of them without a network for a while.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { demoTests } from "../support/demo.mjs";
import { serve } from "../support/server.mjs";

const demos = demoTests(before, after);

/** So that all of the board is in the window. */
const DESKTOP = { viewport: { width: 1280, height: 1200 } };

async function artist(demo, name, options = DESKTOP) {
  const tab = await (await demo.tab(options)).is("open");
  await tab.page.getByLabel("Your name").fill(name);
  return tab;
}

/** Draws a line between two places, which are shares of the board. */
async function line(tab, from, to, { lift = true } = {}) {
  const board = await tab.page.locator("#board").boundingBox();
  const at = ([x, y]) => [board.x + x * board.width, board.y + y * board.height];
  await tab.page.mouse.move(...at(from));
  await tab.page.mouse.down();
  await tab.page.mouse.move(...at(to), { steps: 5 });
  if (lift) await tab.page.mouse.up();
}

const has = (tab, count) => tab.page.locator(`body[data-strokes="${count}"]`).waitFor();

/** Waits until the board has ink at this place, or none. */
function ink(tab, [x, y], isThere = true) {
  return tab.page.waitForFunction(
    ([x, y, isThere]) => {
      const board = document.getElementById("board");
      const context = board.getContext("2d");
      const at = (x, y) => context.getImageData(Math.round(x * board.width), Math.round(y * board.height), 1, 1).data;
      const [paper, here] = [at(0.999, 0.999), at(x, y)];
      return here.some((part, index) => Math.abs(part - paper[index]) > 60) === isThere;
    },
    [x, y, isThere],
  );
}

test("strokes are seen while they are drawn, offline ones when the network is back, in one picture for all", async (t) => {
  const demo = await demos.start(t, "whiteboard");
  const [ada, grace] = [await artist(demo, "Ada"), await artist(demo, "Grace")];
  await line(ada, [0.2, 0.2], [0.6, 0.2], { lift: false });
  await ink(grace, [0.4, 0.2]);
  await has(grace, 0); // it is not finished
  await ada.page.mouse.up();
  await has(grace, 1);

  await grace.cut();
  await line(grace, [0.2, 0.5], [0.6, 0.5]);
  await grace.page.getByText("1 to be sent when the connection is back").waitFor();
  await ink(grace, [0.4, 0.5]);
  await line(ada, [0.2, 0.8], [0.6, 0.8]);
  await has(ada, 2);
  await ink(ada, [0.4, 0.5], false);
  await grace.restore();
  for (const tab of [ada, grace]) {
    await has(tab, 3);
    for (const y of [0.2, 0.5, 0.8]) await ink(tab, [0.4, y]);
  }
  const late = await artist(demo, "Mary");
  await has(late, 3);
  await ink(late, [0.4, 0.5]);
  for (const tab of [ada, grace, late]) tab.hasNoComplaints();
});

test("undo takes back one's own, and nobody else's", async (t) => {
  const demo = await demos.start(t, "whiteboard");
  const [ada, grace] = [await artist(demo, "Ada"), await artist(demo, "Grace")];
  await line(ada, [0.2, 0.2], [0.6, 0.2]);
  await has(grace, 1);
  await line(grace, [0.2, 0.5], [0.6, 0.5]);
  await has(ada, 2);
  await ada.page.getByRole("button", { name: "Undo" }).click();
  await has(grace, 1);
  await ink(grace, [0.4, 0.2], false);
  await ink(grace, [0.4, 0.5]);
  await ada.page.keyboard.press("Control+z");
  await grace.page.keyboard.press("Control+z");
  await has(ada, 0);
});

test("by keyboard: arrows move the pen, Space puts it down; and by touch", async (t) => {
  const demo = await demos.start(t, "whiteboard");
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const [ada, grace] = [await artist(demo, "Ada"), await artist(demo, "Grace", phone)];
  await ada.page.locator("#board").focus();
  await ada.page.keyboard.press("Space");
  for (let count = 0; count < 10; count += 1) await ada.page.keyboard.press("ArrowRight");
  await ada.page.keyboard.press("Space");
  await has(grace, 1);
  await ink(grace, [0.55, 0.5]);

  const board = await grace.page.locator("#board").boundingBox();
  const [x, y] = [board.x + board.width * 0.3, board.y + board.height * 0.3];
  const touch = await grace.page.context().newCDPSession(grace.page);
  const send = (type, touchPoints) => touch.send("Input.dispatchTouchEvent", { type, touchPoints });
  await send("touchStart", [{ x, y }]);
  await send("touchMove", [{ x: x + 60, y }]);
  await send("touchMove", [{ x: x + 100, y }]);
  await send("touchEnd", []);
  await has(ada, 2);
  await ink(ada, [0.4, 0.3]);
});

test("a server that was restarted gets the board back, every stroke once", async (t) => {
  const demo = await demos.start(t, "whiteboard");
  const [ada, grace] = [await artist(demo, "Ada"), await artist(demo, "Grace")];
  await line(ada, [0.2, 0.2], [0.6, 0.2]);
  await line(grace, [0.2, 0.5], [0.6, 0.5]);
  await has(ada, 2);
  await has(grace, 2);
  await demo.server.stop();
  await ada.is("closed");
  await grace.is("closed");
  await serve(t, { port: demo.server.port });
  for (const tab of [ada, grace]) await tab.restore();
  for (const tab of [ada, grace]) {
    await has(tab, 2);
    await tab.page.getByText("2 strokes").waitFor();
  }
  await has(await artist(demo, "Mary"), 2);
});

test("the picture can be saved, the page fits on a phone, and shows how it works", async (t) => {
  const demo = await demos.start(t, "whiteboard");
  const [ada, grace] = [await artist(demo, "Ada"), await artist(demo, "Grace")];
  const house = [[0.3, 0.8], [0.3, 0.45], [0.45, 0.25], [0.6, 0.45], [0.6, 0.8], [0.3, 0.8]];
  for (const [index, corner] of house.slice(1).entries()) {
    await ada.page.locator(`input[name="colour"][value="${index}"]`).check();
    await line(ada, house[index], corner);
  }
  await ada.page.locator('input[name="colour"][value="5"]').check();
  await ada.page.locator('input[name="width"][value="2"]').check();
  await line(ada, [0.7, 0.2], [0.75, 0.25]);
  await has(grace, 6);
  await line(grace, [0.1, 0.85], [0.9, 0.85], { lift: false });
  await ada.page.locator("#people li", { hasText: "Grace" }).waitFor();
  await ink(ada, [0.4, 0.85]);
  await ada.pictures("whiteboard");
  await ada.fits();

  const download = ada.page.waitForEvent("download");
  await ada.page.getByRole("button", { name: "Save as PNG" }).click();
  assert.equal((await download).suggestedFilename(), "whiteboard.png");
  const lines = await ada.explains();
  assert.ok(lines.some((line) => line.includes("board.receive(publication)")), lines.join("\n"));
  await ada.fits();
  ada.hasNoComplaints();
});
