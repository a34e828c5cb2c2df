// The lists of channels and of users: the largest first, with a filter.

import { call } from "./api.js";
import { element, route, show } from "./dom.js";
import { count, plural, silent } from "./format.js";
import { Refresher } from "./refresher.js";

const PAGE = 50;

/** The most entries that the server lists. */
const MOST = 1_000;

/**
 * `kind` is the route of an entry, `method` lists them, `one` and `several` are what they are called, and `members` what is
 * counted of each.
 */
export class List {
  #view;
  #kind;
  #filter;
  #limit = PAGE;
  #refresher;

  constructor(view, kind, onfailure) {
    this.#view = view;
    this.#kind = kind;
    this.#filter = view.querySelector("input");
    this.#refresher = new Refresher(() => this.#refresh(), onfailure);
    this.#filter.addEventListener("input", () => {
      this.#limit = PAGE;
      this.#refresher.start();
    });
    view.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#open(this.#filter.value.trim()).catch(onfailure);
    });
    view.querySelector(".more").addEventListener("click", () => {
      this.#limit = Math.min(this.#limit + 4 * PAGE, MOST);
      this.#refresher.start();
    });
  }

  show() {
    return this.#refresher.start();
  }

  hide() {
    this.#refresher.stop();
  }

  async #open(name) {
    if (name === "") return;
    location.hash = await this.#kind.routeOf(name);
  }

  async #refresh() {
    const filter = this.#filter.value.trim();
    const { found, total, unanswered } = await call(this.#kind.method, { filter, limit: this.#limit });
    const { one, several, members } = this.#kind;
    const shown = found.length < total ? `, the largest ${count(found.length)} shown` : "";
    const status = this.#view.querySelector(".count");
    const listed = filter && total === 0 ? `No ${one} like this is connected` : plural(total, one, several) + shown;
    const text = listed + silent(unanswered);
    // Only what changes is announced.
    if (status.textContent !== text) status.textContent = text;
    show(this.#view.querySelector(".list"), found, ({ name }) => name, ({ name }) => {
      const size = element("span", { className: "muted" });
      const link = element("a", { href: route(this.#kind.kind, name) }, name);
      const row = element("li", {}, link, size);
      row.update = ({ clients }) => {
        size.textContent = plural(clients, ...members);
      };
      return row;
    });
    this.#view.querySelector(".more").hidden = found.length >= total || this.#limit >= MOST;
  }
}

export const CHANNELS = {
  kind: "channels",
  method: "channels",
  one: "channel has subscribers",
  several: "channels have subscribers",
  members: ["subscriber", "subscribers"],
  routeOf: (name) => route("channels", name),
};

export const USERS = {
  kind: "users",
  method: "users",
  one: "user is connected",
  several: "users are connected",
  members: ["connection", "connections"],
  /** The route of a client, if there is one with this id. */
  async routeOf(name) {
    const { total } = await call("client", { client: name });
    return route(total > 0 ? "clients" : "users", name);
  },
};
