// The history of a channel, page by page from new to old.

import { element, route, show } from "./dom.js";
import { bytes, count, time, userName } from "./format.js";

const PAGE = 20;

/** What is shown of the content. It is cut off at the server. */
function content({ format, data, length }) {
  const isWhole = new TextEncoder().encode(data).length >= length;
  const note = [format === "json" ? "" : format, isWhole || format === "binary" ? "" : `${bytes(length)}, its beginning`];
  const text = note.filter(Boolean).join(", ");
  return [element("pre", {}, element("code", {}, data)), text && element("p", { className: "muted" }, text)];
}

function makePublication(publication) {
  const { offset, user, client, tags } = publication;
  const publisher = client === null ? "by the back end" : element("a", { href: route("clients", client) }, userName(user));
  const labels = Object.entries(tags).map(([name, value]) => `${name}: ${value}`);
  const head = element(
    "p",
    { className: "muted" },
    element("b", {}, `#${offset}`),
    " ",
    time(publication.time),
    " ",
    publisher,
    labels.length > 0 ? ` · ${labels.join(", ")}` : "",
  );
  const row = element("li", {}, head, ...content(publication).filter(Boolean));
  // A publication never changes.
  row.update = () => {};
  return row;
}

export class Publications {
  #list;
  #none;
  #pager;
  #before = 0;
  #oldest = 0;

  constructor(card, refresh) {
    this.#list = card.querySelector(".list");
    this.#none = card.querySelector(".none");
    this.#pager = card.querySelector(".pager");
    const turn = (before) => () => {
      this.#before = before();
      refresh();
    };
    card.querySelector(".newest").addEventListener("click", turn(() => 0));
    card.querySelector(".older").addEventListener("click", turn(() => this.#oldest));
  }

  page() {
    return { before: this.#before, limit: PAGE };
  }

  forget() {
    this.#before = 0;
    this.#list.replaceChildren();
    this.#pager.hidden = true;
  }

  /** `found` is a page, or `null` if the channel keeps no history. */
  show(found) {
    const { publications } = found ?? { publications: [] };
    const isNewest = this.#before === 0;
    this.#none.hidden = publications.length > 0;
    this.#none.textContent = this.#explanation(found, isNewest);
    show(this.#list, publications, (kept) => `${found.position.epoch} ${kept.offset}`, makePublication);
    this.#oldest = publications.at(-1)?.offset ?? 0;
    const hasOlder = publications.length === PAGE && this.#oldest > 1;
    this.#pager.hidden = isNewest && !hasOlder;
    this.#pager.querySelector(".newest").disabled = isNewest;
    this.#pager.querySelector(".older").disabled = !hasOlder;
  }

  #explanation(found, isNewest) {
    if (!found) return "The namespace of this channel keeps no history.";
    if (!isNewest) return `Nothing before offset ${count(this.#before)} is kept.`;
    return "Nothing is kept.";
  }
}
