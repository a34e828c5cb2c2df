// Who is here: names, colours, and the list of the others.

import { element } from "/demo/shared/page.js";

/** What tells this tab from all others. */
export const author = Math.random().toString(36).slice(2);

const LONGEST_NAME = 24;

/** Gives a drawn thing the colour of its author, which is always the same. */
export function coloured(author, drawn) {
  drawn.style.setProperty("--hue", hue(author));
  return drawn;
}

export function hue(author) {
  let sum = 0;
  for (const char of author) sum = (sum * 31 + char.codePointAt(0)) % 360;
  return sum;
}

/** A field with a name that the demos remember for this tab. */
export function ownName(field) {
  field.maxLength = LONGEST_NAME;
  field.value = sessionStorage.getItem("name") ?? `Guest ${10 + Math.floor(Math.random() * 90)}`;
  field.addEventListener("change", () => sessionStorage.setItem("name", field.value));
}

/** The others, by their authors; each is what was told of it, with `name`, and the connection that told it. */
export class People extends Map {
  #list;
  #page;

  constructor(list, page) {
    super();
    this.#list = list;
    this.#page = page;
  }

  /** Somebody has said something of itself. Returns the person, or undefined if it is not one. */
  met({ author: by, name }, client) {
    if (typeof by !== "string" || by === author || typeof name !== "string" || this.size > 50) return undefined;
    const person = this.get(by) ?? {};
    const isNew = !this.has(by);
    Object.assign(person, { author: by, name: name.slice(0, LONGEST_NAME) || "Somebody", client });
    this.set(by, person);
    if (isNew) this.#page.announce(`${person.name} is here.`);
    this.#show();
    return person;
  }

  /** The connection has ended. */
  left(client) {
    for (const person of this.values()) {
      if (person.client !== client) continue;
      this.delete(person.author);
      this.#page.announce(`${person.name} has left.`);
    }
    this.#show();
  }

  clear() {
    super.clear();
    this.#show();
  }

  #show() {
    const items = [...this.values()].map(({ author, name }) => coloured(author, element("li", {}, name)));
    this.#list.replaceChildren(...items);
  }
}
