// The page of `longwire serve` as a person sees it.

const open = (panel) => `#${panel}[data-state="open"]`;

export class LongwirePage {
  constructor(page) {
    this.page = page;
  }

  /** Waits until chat and ticker are connected. */
  async connected() {
    await this.page.waitForSelector(open("chat"));
    await this.page.waitForSelector(open("ticker"));
    return this;
  }

  async disconnected() {
    await this.page.waitForSelector('#chat[data-state="closed"]');
    await this.page.waitForSelector('#ticker[data-state="closed"]');
  }

  async say(name, text) {
    await this.page.getByLabel("Name").fill(name);
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.getByLabel("Message", { exact: true }).press("Enter");
  }

  /** Waits until the log shows this message of this name. */
  async shows(name, text) {
    const item = this.page.locator(".log li").filter({ has: this.page.locator("p", { hasText: text }) });
    await item.filter({ hasText: name }).waitFor();
  }

  /** Every state that the panel has shown since the page was loaded, in order. */
  shownStates(panel) {
    return this.page.evaluate((panel) => window.shownStates[panel], panel);
  }

  /** Waits until one of the ticker's values reads like `pattern`. */
  async value(id, pattern) {
    await this.page.locator(`#${id}`, { hasText: pattern }).waitFor();
  }
}
