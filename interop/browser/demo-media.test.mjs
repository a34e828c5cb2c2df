// Audio and video in Chromium.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { demoTests } from "../support/demo.mjs";

/** With a camera and a microphone of its own, which nobody has to allow. */
const FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
/** What the server lets be under way to a viewer. */
const WINDOW_BYTES = 32 * 1024;
const demos = demoTests(before, after, FAKE_CAMERA);

const news = (tab, text) => tab.page.locator("#news", { hasText: text }).waitFor();

async function sendPattern(tab) {
  await tab.is("open");
  await tab.page.getByRole("button", { name: "Send a test pattern" }).click();
  await news(tab, "You send: test pattern.");
}

/** A tab that sends the test pattern, and one that shows it. */
async function onAir(t, { path } = {}) {
  const demo = await demos.start(t, "media");
  const sender = await demo.tab({ path });
  await sendPattern(sender);
  const viewer = await demo.tab({ path });
  await live(viewer);
  return { demo, sender, viewer };
}

/** Waits until the tab shows pictures that have just come. */
async function live(tab) {
  await news(tab, "Live: ");
  await tab.page.locator("#delay", { hasText: /^[\d,]+ ms$/ }).waitFor();
  await tab.page.locator("#pictures", { hasText: /^[1-9]\d* \/ s$/ }).waitFor();
}

/** Waits until the canvas shows the colour bars of the test pattern. */
function showsBars(tab) {
  return tab.page.waitForFunction(() => {
    const screen = document.getElementById("screen");
    const context = screen.getContext("2d");
    const bars = [[0.21, [200, 200, 0]], [0.5, [0, 200, 0]], [0.93, [0, 0, 200]]]; // prettier-ignore
    return bars.every(([x, colour]) => {
      const { data } = context.getImageData(Math.floor(x * screen.width), 20, 1, 1);
      return colour.every((wanted, index) => Math.abs(wanted - data[index]) < 50);
    });
  });
}

/** A figure of the page as a number. */
async function figure(tab, id) {
  return Number((await tab.page.locator(`#${id}`).textContent()).replace(/[^\d.]/g, ""));
}

test("a test pattern goes from one tab to another, with picture, sound and the delay", async (t) => {
  const { sender, viewer } = await onAir(t);
  await news(viewer, "Live: pictures (vp8) and sound (opus)");
  await showsBars(viewer);
  await sender.page.locator("#viewers", { hasText: /^1$/ }).waitFor();
  await viewer.page.evaluate(() => {
    const { start } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (...when) {
      window.loudest = Math.max(window.loudest ?? 0, ...this.buffer.getChannelData(0));
      return start.apply(this, when);
    };
  });
  await viewer.page.getByRole("button", { name: "Turn sound on" }).click();
  await viewer.page.waitForFunction(() => window.loudest > 0.05); // the beep, once a second
  for (const tab of [sender, viewer]) {
    await tab.fits();
    tab.hasNoComplaints();
  }
  await viewer.pictures("media");
});

test("a camera and a microphone are sent if there are some", async (t) => {
  const demo = await demos.start(t, "media");
  const [sender, viewer] = [await demo.tab(), await demo.tab()];
  await sender.is("open");
  await sender.page.getByRole("button", { name: "Send camera and microphone" }).click();
  await news(sender, "You send: camera and microphone.");
  await live(viewer);
  await sender.page.getByRole("button", { name: "Stop sending" }).click();
  await news(viewer, "Nobody sends in this room");
});

test("without permission for a camera, the test pattern is sent", async (t) => {
  const demo = await demos.start(t, "media");
  const [sender, viewer] = [await demo.tab(), await demo.tab()];
  await sender.is("open");
  await sender.page.evaluate(() => {
    const refused = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
    navigator.mediaDevices.getUserMedia = refused;
  });
  await sender.page.getByRole("button", { name: "Send camera and microphone" }).click();
  await news(sender, "You send: test pattern. There is no camera or microphone to use (Permission denied).");
  await showsBars(viewer);
});

test("who comes late sees the newest picture at once, even while the sender is silent", async (t) => {
  const { demo, sender } = await onAir(t);
  sender.network.freeze();
  const late = await demo.tab();
  await news(late, "Live: ");
  await showsBars(late);
});

test("a slow viewer skips instead of falling behind, and the others do not notice", async (t) => {
  const { demo, viewer } = await onAir(t);
  const slow = await demo.tab();
  await live(slow);
  await viewer.page.locator("#bytes", { hasText: /^[1-9]/ }).waitFor();
  // A fifth of what is sent, however much a busy machine sends.
  const bytesPerSecond = Math.max(4_000, (await figure(viewer, "bytes")) * 200);
  slow.network.slow(bytesPerSecond);
  await slow.page.locator("#skipped", { hasText: /[1-9]/ }).waitFor();
  const skipped = await figure(slow, "skipped");
  await slow.page.waitForFunction((before) => {
    return Number(document.getElementById("skipped").textContent.replaceAll(",", "")) > before;
  }, skipped);
  // What is under way is bounded by the server, and so is the delay.
  const mostDelay = 2 * 1_000 * (WINDOW_BYTES / bytesPerSecond);
  assert.ok((await figure(slow, "delay")) < mostDelay, await slow.page.locator("#delay").textContent());
  await live(viewer);
  slow.network.slow(Infinity);
  await slow.page.waitForFunction(() => parseInt(document.getElementById("delay").textContent) < 1_000);
});

test("a viewer whose network is cut sees the picture again", async (t) => {
  const { viewer } = await onAir(t);
  await viewer.cut();
  await viewer.restore();
  await live(viewer);
  await showsBars(viewer);
  viewer.hasNoComplaints();
});

test("a sender whose network is cut goes on sending", async (t) => {
  const { sender, viewer } = await onAir(t);
  await sender.cut();
  await news(viewer, "Nobody sends in this room");
  await sender.restore();
  await live(viewer);
  await news(sender, "You send: test pattern.");
  sender.hasNoComplaints();
});

test("a sender whose line is dead without an end replaces itself", async (t) => {
  const { sender, viewer } = await onAir(t);
  sender.network.freeze();
  await sender.page.locator('body:not([data-state="open"])').waitFor();
  sender.network.replace();
  await sender.is("open");
  await news(sender, "You send: test pattern.");
  await live(viewer);
});

test("one tab sends at a time", async (t) => {
  const { viewer } = await onAir(t);
  assert.equal(await viewer.page.getByRole("button", { name: /^Send/ }).count(), 0);
});

test("rooms are apart", async (t) => {
  const { demo } = await onAir(t, { path: "?room=studio" });
  const other = await demo.tab();
  await news(other, "Nobody sends in this room");
});

test("a browser without WebCodecs sends JPEG and plain samples", async (t) => {
  const demo = await demos.start(t, "media");
  const [sender, viewer] = [await demo.tab(), await demo.tab()];
  await sender.page.evaluate(() => {
    delete window.VideoEncoder;
    delete window.AudioEncoder;
  });
  await sendPattern(sender);
  await news(viewer, "Live: pictures (jpeg) and sound (pcm)");
  await showsBars(viewer);
  await live(viewer);
  sender.hasNoComplaints();
});

test("how it works is shown from the files that run", async (t) => {
  const demo = await demos.start(t, "media");
  const tab = await demo.tab();
  const lines = await tab.explains();
  assert.ok(lines.some((line) => line.includes('type: "ack"')), lines.join("\n"));
  await tab.fits();
  tab.hasNoComplaints();
});
