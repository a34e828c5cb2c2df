// The admin page of `longwire serve` as an operator sees it.

import { CONFIG, hub } from "./hub.mjs";

export const PASSWORD = "a password of the tests";

/** A hub with an admin page. `before` and `after` are more lines of its configuration. */
export const adminHub = (t, { before = "", after = "", ...options } = {}) =>
  hub(t, { config: `${before}${CONFIG}\n[admin]\nenabled = true\npassword = "${PASSWORD}"\n${after}`, ...options });

export class AdminPage {
  constructor(page) {
    this.page = page;
  }

  /** The admin page of a server, in a tab of its own, at the address behind `#`. */
  static async open(t, browser, server, { route = "/", ...options } = {}) {
    return new AdminPage(await browser.tab(t, server.http(`/admin#${route}`), options));
  }

  /** The same, after signing in. */
  static async signedIn(t, browser, server, options) {
    const admin = await AdminPage.open(t, browser, server, options);
    await admin.signIn(PASSWORD);
    await admin.live();
    return admin;
  }

  async signIn(secret) {
    await this.page.getByLabel("Password or token").fill(secret);
    await this.page.getByLabel("Password or token").press("Enter");
  }

  /** Waits until figures arrive. */
  async live() {
    await this.page.waitForSelector('#live[data-state="open"]');
  }

  /** Goes to the address behind `#`. */
  async go(route) {
    await this.page.evaluate((route) => {
      location.hash = route;
    }, route);
  }

  /** Waits until a figure reads like `pattern`. */
  async figure(name, pattern) {
    await this.page.locator(`#figure-${name}`, { hasText: pattern }).waitFor();
  }

  /** Waits until the view shows this text. */
  async shows(text) {
    await this.page.locator("main section:visible").getByText(text).first().waitFor();
  }

  /** Answers the question that the page asks. */
  async confirm(action) {
    await this.page.getByRole("dialog").getByRole("button", { name: action }).click();
  }

  /** How much wider the page is than the window, in pixels. */
  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }
}
