// Chromium as a client: `node chromium.mjs URL FRAGMENTS-URL`, with its path in CHROMIUM.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const report = (line) => console.log(JSON.stringify(line));

// The page comes from a server of its own, as that of any application does.
const pages = createServer(async (request, response) => {
  const script = /^\/(\w+\.mjs)$/.exec(request.url);
  response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
  response.end(script ? await readFile(new URL(script[1], import.meta.url)) : "<!doctype html><title>interop</title>");
});
await new Promise((resolve) => {
  pages.listen(0, "127.0.0.1", resolve);
});

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // Root has no sandbox; and nothing here may look for the world outside.
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
try {
  report({ peer: `Chromium ${browser.version()}` });
  const page = await browser.newPage();
  await page.exposeFunction("report", report);
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.evaluate(async (urls) => {
    const { runWeb } = await import("/web.mjs");
    const lines = [];
    await runWeb(WebSocket, urls, (line) => lines.push(window.report(line)));
    await Promise.all(lines);
  }, process.argv.slice(2));
} finally {
  await browser.close();
  pages.close();
}
