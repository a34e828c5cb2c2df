// The page of `longwire serve` as a person sees it.

export class LongwirePage {
  constructor(page) {
    this.page = page;
  }

  /** Waits until the server's figures are connected. */
  async connected() {
    await this.page.waitForSelector('#ticker[data-state="open"]');
    return this;
  }

  async disconnected() {
    await this.page.waitForSelector('#ticker[data-state="closed"]');
  }

  /** Every state that the panel has shown since the page was loaded, in order. */
  shownStates(panel) {
    return this.page.evaluate((panel) => window.shownStates[panel], panel);
  }

  /** Waits until one of the figures reads like `pattern`. */
  async value(id, pattern) {
    await this.page.locator(`#${id}`, { hasText: pattern }).waitFor();
  }
}
