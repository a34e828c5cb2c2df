// The status line of a panel: shows the state of its connection.

/** The close codes that a page can receive from a server (RFC 6455 §7.4.1). */
const MEANING = new Map([
  [1000, "normal closure"],
  [1001, "going away"],
  [1002, "protocol error"],
  [1003, "unsupported data"],
  [1005, "no code given"],
  [1007, "invalid data"],
  [1008, "policy violation"],
  [1009, "message too big"],
  [1011, "server error"],
  [1012, "service restart"],
  [1013, "try again later"],
]);

function describeClose({ code, reason, wasOpen }) {
  // 1006 is never sent: the browser reports it for any end without a Close frame.
  const meaning = code === 1006 ? (wasOpen ? "connection lost" : "no connection") : MEANING.get(code);
  const parts = [meaning ? `${code} ${meaning}` : `${code}`, reason];
  return `Closed: ${parts.filter(Boolean).join(" · ")}`;
}

export class ConnectionStatus {
  #panel;
  #text;
  #countdown;
  #button;
  #interval;

  constructor(panel, reconnectNow) {
    this.#panel = panel;
    this.#text = panel.querySelector(".state");
    this.#countdown = panel.querySelector(".countdown");
    this.#button = panel.querySelector(".reconnect");
    this.#button.addEventListener("click", reconnectNow);
  }

  show(state) {
    clearInterval(this.#interval);
    this.#panel.dataset.state = state.kind;
    this.#countdown.textContent = "";
    switch (state.kind) {
      case "connecting":
        this.#text.textContent = "Connecting …";
        break;
      case "open":
        this.#text.textContent = "Open";
        this.#hideButton();
        break;
      case "closed":
        this.#text.textContent = describeClose(state);
        this.#countDown(state.retryAt);
        this.#button.hidden = false;
        break;
    }
  }

  /** The countdown is outside of the live region, so a screen reader announces the close once, not every second. */
  #countDown(retryAt) {
    if (retryAt === undefined) return;
    const tick = () => {
      const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
      this.#countdown.textContent = `next try in ${seconds} s`;
    };
    tick();
    this.#interval = setInterval(tick, 250);
  }

  /** Keeps the focus in the panel: hiding the focused button would move the focus to the top of the page. */
  #hideButton() {
    if (document.activeElement === this.#button) this.#panel.querySelector("h1, h2").focus();
    this.#button.hidden = true;
  }
}
