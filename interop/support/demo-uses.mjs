// What people do in each of the demos, in two windows: for pictures.

import { Program } from "./program.mjs";

/** By the name of the demo: `use([one, other], { t, server })` ends when both windows show what was done. */
export const USES = { chat, editor, game, media, notifications, sensors, ticker, whiteboard };

async function chat([ada, grace]) {
  for (const [page, name] of [[ada, "Ada"], [grace, "Grace"]]) {
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Name").press("Tab");
    await page.getByText(`${name} (you)`).waitFor();
  }
  await say([ada, grace], "Is the new server up?");
  await say([grace, ada], "Since an hour. Ten thousand connections, and it is bored.");
  await say([ada, grace], "Then let us see what it can take.");
  await grace.getByLabel("Message", { exact: true }).pressSequentially("On it");
  await ada.getByText("Grace is typing …").waitFor();
}

async function say([from, to], text) {
  await from.getByLabel("Message", { exact: true }).fill(text);
  await from.getByLabel("Message", { exact: true }).press("Enter");
  await to.locator(".log li p").getByText(text, { exact: true }).waitFor();
}

async function editor([ada, grace]) {
  const area = (page) => page.getByRole("textbox", { name: "Text", exact: true });
  const reads = (page, text) => page.waitForFunction((text) => document.getElementById("text").value.includes(text), text);
  for (const [page, name] of [[ada, "Ada"], [grace, "Grace"]]) {
    await page.locator("#text:not([readonly])").waitFor();
    await page.getByLabel("Your name").fill(name);
  }
  await area(ada).focus();
  await ada.keyboard.insertText("Dear all,\nthe picnic is on a sunny Friday.\n");
  await reads(grace, "Friday.\n");
  await area(grace).focus();
  await grace.keyboard.press("Control+End");
  await grace.keyboard.insertText("Bring cake.");
  await reads(ada, "Bring cake.");
}

async function game(windows) {
  for (const [index, page] of windows.entries()) {
    await page.getByLabel("Name").fill(["Ada", "Grace"][index]);
    await page.getByRole("button", { name: "Play" }).click();
    await page.locator("body.playing").waitFor();
    await page.keyboard.down(["ArrowRight", "ArrowLeft"][index]);
  }
  for (const page of windows) await page.locator("#latency", { hasText: /^\d+ ms$/ }).waitFor();
}

async function media([sender, viewer]) {
  await sender.getByRole("button", { name: "Send a test pattern" }).click();
  await sender.locator("#news", { hasText: "You send: test pattern." }).waitFor();
  await viewer.locator("#pictures", { hasText: /^[1-9]\d* \/ s$/ }).waitFor();
  await viewer.locator("#delay", { hasText: /^[\d,]+ ms$/ }).waitFor();
}

async function notifications(windows) {
  for (const page of windows) await page.locator("#curl", { hasText: "demo-inbox" }).waitFor();
  await windows[0].getByRole("button", { name: "Send one" }).click();
  await windows[1].getByRole("button", { name: "Send 25 at once" }).click();
  for (const page of windows) await page.locator(".badge", { hasText: "26 unread" }).waitFor();
}

async function sensors([ada, grace], { t, server }) {
  new Program(t, ["demo", "sensors", "--url", `127.0.0.1:${server.port}`, "--devices", "12", "--every", "0.5"]);
  for (const page of [ada, grace]) await page.locator("#online", { hasText: "12 of 12" }).waitFor();
  await ada.getByRole("button", { name: "sensor-03" }).click();
  await ada.getByRole("button", { name: "Turn the LED on" }).click();
  await ada.locator("#commands li", { hasText: "acknowledged after" }).first().waitFor();
  await grace.getByRole("button", { name: "sensor-03" }).getByText("LED").waitFor();
}

/** The second window is a slow reader. */
async function ticker([fast, slow]) {
  await slow.getByRole("switch", { name: "Slow reader" }).check();
  await slow.locator("#skipped", { hasText: /^[\d,]{4,}$/ }).waitFor();
  await fast.locator("#received", { hasText: /^\d+,\d{3}$/ }).waitFor();
  await fast.locator(".scores tbody tr").nth(3).waitFor();
}

async function whiteboard(windows) {
  for (const [index, page] of windows.entries()) {
    await page.getByLabel("Your name").fill(["Ada", "Grace"][index]);
    await page.locator("#board").scrollIntoViewIfNeeded();
    await page.getByRole("radio", { name: ["Red", "Blue"][index], exact: true }).check({ force: true });
    const board = await page.locator("#board").boundingBox();
    const height = (turn) => 0.5 + (index === 0 ? -0.25 : 0.25) * Math.sin(turn * Math.PI);
    const place = (part) => [board.x + (0.1 + 0.8 * part) * board.width, board.y + height(part * 2.5) * board.height];
    await page.mouse.move(...place(0));
    await page.mouse.down();
    for (let step = 1; step <= 40; step += 1) await page.mouse.move(...place(step / 40));
    await page.mouse.up();
    for (const window of windows) await window.locator(`body[data-strokes="${index + 1}"]`).waitFor();
  }
  await windows[0].locator(".people li", { hasText: "Grace" }).waitFor();
}
