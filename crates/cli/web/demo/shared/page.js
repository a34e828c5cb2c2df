// What the pages of all demos have: the state of the connection in the header, "How it works", and announcements.

import { ConnectionStatus } from "/status.js";

const BEGIN = "// how it works";
const END = "// so far";

/** An element with these properties and children. Text is always shown as text. */
export function element(tag, properties = {}, ...children) {
  const { className, dataset, ...attributes } = properties;
  const created = document.createElement(tag);
  if (className) created.className = className;
  Object.assign(created.dataset, dataset);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) created.setAttribute(name, "");
    else if (value !== false && value !== undefined) created.setAttribute(name, value);
  }
  created.append(...children);
  return created;
}

export class Page {
  /** Called when somebody does not want to wait for the next try. */
  onreconnect = () => {};

  #header = document.querySelector("body > header");
  #status;
  #announcer = element("p", { className: "visually-hidden", role: "status" });

  constructor() {
    this.#header.querySelector("h1").tabIndex = -1;
    this.#header.append(...connectionLine());
    this.#status = new ConnectionStatus(this.#header, () => this.onreconnect());
    document.body.append(this.#announcer);
    for (const how of document.querySelectorAll("details.how")) {
      how.addEventListener("toggle", () => how.open && showSources(how), { once: true });
    }
  }

  /** Shows a state of a `Hub` or a `Connection`. */
  show(state) {
    this.#status.show(state);
    document.body.dataset.state = state.kind;
  }

  /** Has a screen reader say this. */
  announce(text) {
    this.#announcer.textContent = text;
  }
}

function connectionLine() {
  const state = element("span", { className: "state" }, "Not connected");
  return [
    element("button", { type: "button", className: "reconnect quiet", hidden: true }, "Reconnect now"),
    element(
      "p",
      { className: "connection" },
      element("span", { className: "lamp", "aria-hidden": "true" }),
      element("span", { role: "status" }, element("span", { className: "visually-hidden" }, "Connection: "), state),
      element("span", { className: "countdown" }),
    ),
  ];
}

/** Shows the essential lines of the files that run this page: `<pre data-source="/demo/chat/chat.js"></pre>`. */
async function showSources(how) {
  for (const shown of how.querySelectorAll("pre[data-source]")) {
    const { source } = shown.dataset;
    shown.tabIndex = 0; // it may scroll
    try {
      const response = await fetch(source);
      if (!response.ok) throw new Error(`${response.status}`);
      shown.replaceChildren(element("code", {}, essentialLines(await response.text())));
      shown.after(element("p", { className: "whole" }, "From ", element("a", { href: source }, source.split("/").at(-1))));
    } catch (error) {
      shown.textContent = `${source} could not be loaded: ${error.message}`;
    }
  }
}

/** What is between lines of `// how it works` and `// so far`; the whole text without them. */
export function essentialLines(text) {
  const pieces = [];
  let piece;
  for (const line of text.split("\n")) {
    if (line.trim() === BEGIN) pieces.push((piece = []));
    else if (line.trim() === END) piece = undefined;
    else piece?.push(line);
  }
  return pieces.length > 0 ? pieces.map(outdented).join("\n\n") : text.trimEnd();
}

function outdented(lines) {
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const indent = Math.min(...indents);
  return lines.map((line) => line.slice(indent)).join("\n").trim();
}
