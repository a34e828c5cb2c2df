// The users that are present in a channel, page by page.

import { element, route, show } from "./dom.js";
import { count, plural, userName } from "./format.js";

const PAGE = 20;

function makeMember({ user }) {
  const connections = element("ul", { className: "clients" });
  const name = user === "" ? element("span", {}, userName(user)) : element("a", { href: route("users", user) }, user);
  const size = element("span", { className: "muted" });
  const row = element("li", {}, name, size, connections);
  row.update = ({ clients }) => {
    size.textContent = plural(clients.length, "client", "clients");
    // Those of anonymous users may be many.
    show(connections, clients.slice(0, PAGE), ({ client }) => client, makeClient);
  };
  return row;
}

function makeClient({ client }) {
  const info = element("code", { className: "muted" });
  const row = element("li", {}, element("a", { href: route("clients", client) }, element("code", {}, client)), info);
  row.update = (present) => {
    info.textContent = present.info ?? "";
  };
  return row;
}

export class Members {
  #list;
  #none;
  #pager;
  #skip = 0;

  constructor(card, refresh) {
    this.#list = card.querySelector(".list");
    this.#none = card.querySelector(".none");
    this.#pager = card.querySelector(".pager");
    const turn = (by) => () => {
      this.#skip = Math.max(0, this.#skip + by);
      refresh();
    };
    card.querySelector(".previous").addEventListener("click", turn(-PAGE));
    card.querySelector(".next").addEventListener("click", turn(PAGE));
  }

  page() {
    return { skip: this.#skip, limit: PAGE };
  }

  forget() {
    this.#skip = 0;
    this.#list.replaceChildren();
    this.#pager.hidden = true;
  }

  /** `found` is a page, or `null` if the channel keeps no presence. */
  show(found) {
    const { members, total } = found ?? { members: [], total: 0 };
    this.#none.hidden = total > 0;
    this.#none.textContent = found ? "Nobody is present." : "The namespace of this channel keeps no presence.";
    show(this.#list, members, ({ user }) => user, makeMember);
    this.#pager.hidden = total <= PAGE && this.#skip === 0;
    const end = this.#skip + members.length;
    this.#pager.querySelector(".range").textContent = `${count(this.#skip + 1)}–${count(end)} of ${count(total)}`;
    this.#pager.querySelector(".previous").disabled = this.#skip === 0;
    this.#pager.querySelector(".next").disabled = end >= total;
  }
}
