// Publishes to a channel. What is not JSON is not sent.

import { call } from "./api.js";

/** What is wrong with a text that should be JSON, or "". */
function problem(text) {
  if (text.trim() === "") return "Write some JSON.";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `This is not JSON: ${error.message}`;
  }
}

export class PublishForm {
  #form;
  #data;
  #problem;
  #outcome;
  #channel;

  constructor(form, onpublished, onfailure) {
    this.#form = form;
    this.#data = form.querySelector("textarea");
    this.#problem = form.querySelector(".problem");
    this.#outcome = form.querySelector(".outcome");
    this.#data.addEventListener("input", () => this.#check());
    this.#data.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish().then(onpublished, onfailure);
    });
  }

  forget(channel) {
    this.#channel = channel;
    this.#outcome.textContent = "";
  }

  #check() {
    const found = problem(this.#data.value);
    this.#problem.textContent = found;
    this.#data.setAttribute("aria-invalid", String(found !== ""));
    return found === "";
  }

  async #publish() {
    this.#outcome.textContent = "";
    if (!this.#check()) {
      this.#data.focus();
      return;
    }
    const button = this.#form.querySelector("button");
    button.setAttribute("aria-disabled", "true");
    try {
      const { offset } = await call("publish", { channel: this.#channel, data: JSON.parse(this.#data.value) });
      this.#outcome.textContent = offset === undefined ? "Published." : `Published with offset ${offset}.`;
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }
}
