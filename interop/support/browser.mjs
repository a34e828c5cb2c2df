// Headless Chromium, driven by Playwright.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium as playwright } from "playwright-core";

import { PATIENCE } from "./deadline.mjs";
import { certificates, certutil, chromium } from "./environment.mjs";

/** Started with a home of its own in which the tests' certificate authority is trusted, as a user's would be; `more` arguments. */
export async function launch(more = []) {
  const [executablePath, tool, { ca }] = [chromium(), certutil(), certificates()];
  const home = mkdtempSync(join(tmpdir(), "longwire-chromium-"));
  trustCertificateAuthority(home, tool, ca);
  const browser = await playwright.launch({
    executablePath,
    env: { ...process.env, HOME: home },
    // Root has no sandbox; and nothing here may look for the world outside.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // A page that was read from the disk is not of this machine for Chromium, and could not connect to it.
      ...(process.env.WEB ? ["--disable-features=LocalNetworkAccessChecks"] : []),
      ...more,
    ],
  });
  return new Browser(browser, home);
}

function trustCertificateAuthority(home, tool, ca) {
  const database = join(home, ".pki", "nssdb");
  mkdirSync(database, { recursive: true });
  const run = (...args) => execFileSync(tool, ["-d", `sql:${database}`, ...args]);
  run("-N", "--empty-password");
  run("-A", "-n", "Longwire tests", "-t", "C,,", "-i", ca);
}

class Browser {
  #browser;
  #home;

  constructor(browser, home) {
    this.#browser = browser;
    this.#home = home;
  }

  /** A tab of its own context at `url`; closed when the test `t` is over. `options` are those of Playwright. */
  async tab(t, url, options = {}) {
    const context = await this.#browser.newContext(options);
    t.after(() => context.close());
    context.setDefaultTimeout(PATIENCE);
    if (process.env.WEB) await context.route(/./, fromDisk);
    return this.tabOf(context, url);
  }

  /** One more tab of a context, which shares its storage. */
  async tabOf(context, url) {
    const page = await context.newPage();
    page.complaints = [];
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
    await page.addInitScript(recordStates);
    await page.goto(url);
    return page;
  }

  async close() {
    await this.#browser.close();
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Waits until the page has complained of `what`. The browser tells of it apart from what the page does next. */
export async function complains(page, what) {
  while (!page.complaints.some((complaint) => complaint.includes(what))) await page.waitForEvent("console");
}

/**
 * While a page is written: with WEB set to `crates/cli/web`, its files come from there instead of from the program. New
 * ones need an entry in the program.
 */
async function fromDisk(route) {
  const { pathname } = new URL(route.request().url());
  const path = join(process.env.WEB, pathname.replace(/\/$/, ""));
  const file = [path, join(path, "index.html")].find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (file === undefined) return route.continue();
  const response = await route.fetch().catch(() => undefined); // for its headers
  return response ? route.fulfill({ response, body: readFileSync(file) }) : route.abort();
}

/** Runs in the page: keeps every state that a panel has shown, however short, in `window.shownStates`. */
function recordStates() {
  window.shownStates = {};
  const observer = new MutationObserver((records) => {
    const states = new Set(records.map(({ target }) => target).filter((node) => node.matches?.(".state")));
    for (const state of states) (window.shownStates[state.closest("section, body").id] ??= []).push(state.textContent);
  });
  observer.observe(document, { childList: true, subtree: true });
}
