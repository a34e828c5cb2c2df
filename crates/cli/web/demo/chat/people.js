// Who is in the room, and who is typing.

import { element } from "/demo/shared/page.js";
import { nameOf } from "./log.js";

const MOST_SHOWN = 50;

export class People {
  #list;
  #typing;
  #user;
  /** By the ids of connections: a user may have several. */
  #present = new Map();
  #typists = new Map();

  constructor(list, typing, user) {
    this.#list = list;
    this.#typing = typing;
    this.#user = user;
  }

  replace(people) {
    this.#present.clear();
    for (const person of people) this.#present.set(person.client, person);
    this.#show();
  }

  joined(person) {
    this.#present.set(person.client, person);
    this.#show();
  }

  left({ client, user }) {
    this.#present.delete(client);
    this.#stops(user);
    this.#show();
  }

  /** Somebody types for so many milliseconds. */
  types(person, time) {
    this.#stops(person.user);
    if (time > 0 && person.user !== this.#user()) {
      const timer = setTimeout(() => {
        this.#stops(person.user);
        this.#showTyping();
      }, time);
      this.#typists.set(person.user, { name: nameOf(person), timer });
    }
    this.#showTyping();
  }

  #stops(user) {
    clearTimeout(this.#typists.get(user)?.timer);
    this.#typists.delete(user);
  }

  #showTyping() {
    const names = [...this.#typists.values()].map(({ name }) => name);
    const who = names.length > 3 ? "Several people" : names.join(", ");
    this.#typing.textContent = names.length === 0 ? "" : `${who} ${names.length === 1 ? "is" : "are"} typing …`;
  }

  /** Each user once. The gallery listens, too, and is nobody. */
  #show() {
    const users = new Map();
    for (const person of this.#present.values()) if (person.user !== "") users.set(person.user, person);
    const items = [...users.values()].slice(0, MOST_SHOWN).map((person) => {
      const isYou = person.user === this.#user();
      return element("li", { className: isYou ? "you" : "" }, nameOf(person), isYou ? " (you)" : "");
    });
    if (users.size > MOST_SHOWN) items.push(element("li", {}, `and ${users.size - MOST_SHOWN} more`));
    this.#list.replaceChildren(...items);
    this.#showTyping();
  }
}
