// A channel: who is in it, its history, and publishing.

import { call } from "./api.js";
import { confirmed, element } from "./dom.js";
import { count } from "./format.js";
import { Members } from "./members.js";
import { Publications } from "./publications.js";
import { PublishForm } from "./publish.js";
import { Refresher } from "./refresher.js";

function fact(title, value, note) {
  const dd = element("dd", {}, value);
  if (note) dd.append(" ", element("span", { className: "muted" }, note));
  return element("div", {}, element("dt", {}, title), dd);
}

export class Channel {
  #view;
  #title;
  #facts;
  #name;
  #members;
  #publications;
  #publishing;
  #refresher;

  constructor(view, onfailure) {
    this.#view = view;
    this.#title = view.querySelector("h2");
    this.#facts = view.querySelector(".facts");
    this.#refresher = new Refresher(() => this.#refresh(), onfailure);
    const refresh = () => this.#refresher.start();
    this.#members = new Members(view.querySelector(".members"), refresh);
    this.#publications = new Publications(view.querySelector(".publications"), refresh);
    this.#publishing = new PublishForm(view.querySelector(".publish"), refresh, onfailure);
    view.querySelector(".remove").addEventListener("click", () => this.#removeHistory().catch(onfailure));
  }

  show(name) {
    if (name !== this.#name) this.#forget(name);
    return this.#refresher.start();
  }

  hide() {
    this.#refresher.stop();
  }

  #forget(name) {
    this.#name = name;
    this.#title.textContent = name;
    this.#facts.replaceChildren();
    this.#members.forget();
    this.#publications.forget();
    this.#publishing.forget(name);
  }

  async #refresh() {
    const channel = this.#name;
    const { clients, presence, position } = await call("channel", { channel });
    const members = presence && (await call("members", { channel, ...this.#members.page() }));
    const history = position && (await call("publications", { channel, ...this.#publications.page() }));
    if (channel !== this.#name) return;
    this.#facts.replaceChildren(
      fact("Subscribers", count(clients)),
      fact("Present users", presence ? count(presence.users) : "not kept", presence && `${count(presence.clients)} clients`),
      fact("Newest offset", position ? count(position.offset) : "no history"),
      fact("Epoch", position?.epoch || "–"),
    );
    this.#members.show(members);
    this.#publications.show(history);
    this.#view.querySelector(".remove").hidden = !history || history.publications.length === 0;
  }

  async #removeHistory() {
    const channel = this.#name;
    if (!(await confirmed(`Remove the history of ${channel}? Subscribers that reconnect cannot recover it.`, "Remove"))) return;
    await call("history_remove", { channel });
    this.#publications.forget();
    await this.#refresher.start();
    this.#view.querySelector("#publications-title").focus();
  }
}
