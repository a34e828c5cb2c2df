// A user, or one client: connections, disconnecting, blocking.

import { call } from "./api.js";
import { confirmed, element, route, show } from "./dom.js";
import { count, duration, silent, time, userName } from "./format.js";
import { Refresher } from "./refresher.js";

function channelLinks(channels) {
  if (channels === null) return ["did not answer"];
  if (channels.length === 0) return ["none"];
  return channels.flatMap((name, place) => [
    place > 0 ? ", " : "",
    element("a", { href: route("channels", name) }, name),
  ]);
}

export class User {
  #view;
  #subject;
  #refresher;
  #onfailure;
  /** The names of nodes by their ids. */
  #nodes = new Map();

  constructor(view, onfailure) {
    this.#view = view;
    this.#onfailure = onfailure;
    this.#refresher = new Refresher(() => this.#refresh(), onfailure);
    const select = view.querySelector("#block-time");
    select.addEventListener("change", () => {
      view.querySelector(".until").hidden = select.value !== "other";
    });
    view.querySelector(".block").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#block().catch(onfailure);
    });
    view.querySelector(".unblock").addEventListener("click", () => this.#unblock().catch(onfailure));
    view.querySelector(".disconnect-all").addEventListener("click", () => this.#disconnectAll().catch(onfailure));
  }

  /** Shows `{ user }` or `{ client }`. */
  show(subject) {
    this.#subject = subject;
    const { user, client } = subject;
    this.#say("");
    this.#view.querySelector("h2").textContent = client === undefined ? userName(user) : `Client ${client}`;
    this.#view.querySelector(".actions").hidden = user === undefined;
    this.#view.querySelector(".disconnect-all").hidden = true;
    this.#view.querySelector(".list").replaceChildren();
    return this.#refresher.start();
  }

  hide() {
    this.#refresher.stop();
  }

  async #refresh() {
    const subject = this.#subject;
    const { user, client } = subject;
    const found = await (client === undefined ? call("user", { user }) : call("client", { client }));
    const { nodes } = await call("overview");
    if (subject !== this.#subject) return;
    this.#nodes = new Map(nodes.map(({ id, name }) => [id, name]));
    const { sessions, total, blocked_until: end, unanswered } = found;
    const none = this.#view.querySelector(".none");
    none.hidden = total === sessions.length && total > 0 && unanswered === 0;
    const shown = total === 0 ? "Not connected" : `The newest ${count(sessions.length)} of ${count(total)}`;
    none.textContent = `${shown}${unanswered === 0 && total === 0 ? " now" : silent(unanswered)}.`;
    show(this.#view.querySelector(".list"), sessions, (session) => session.client, (session) => this.#make(session));
    this.#view.querySelector(".disconnect-all").hidden = user === undefined || total === 0;
    this.#view.querySelector(".blocked").textContent = end === null ? "Not blocked." : `Blocked until ${time(end)}.`;
    this.#view.querySelector(".unblock").hidden = end === null;
  }

  #make({ client, user, since, node }) {
    const age = element("span", { className: "muted" });
    const [transport, peer, channels] = [element("dd"), element("dd"), element("dd")];
    const fact = (title, ...value) => element("div", {}, element("dt", {}, title), element("dd", {}, ...value));
    const button = element("button", { type: "button", className: "quiet danger" }, "Disconnect");
    button.append(element("span", { className: "visually-hidden" }, ` client ${client}`));
    button.addEventListener("click", () => this.#disconnect(client).catch(this.#onfailure));
    const owner = user === "" ? userName(user) : element("a", { href: route("users", user) }, user);
    const id = element("a", { href: route("clients", client) }, element("code", {}, client));
    const [title, value] = this.#subject.client === undefined ? ["Client", id] : ["User", owner];
    const subject = [element("dt", {}, title), element("dd", {}, value)];
    const row = element(
      "li",
      { className: "card" },
      element(
        "dl",
        { className: "facts" },
        element("div", { className: "id" }, ...subject),
        element("div", {}, element("dt", {}, "Transport"), transport),
        element("div", {}, element("dt", {}, "Address"), peer),
        fact("Node", this.#nodes.get(node) ?? node),
        fact("Connected", time(since), " ", age),
        element("div", { className: "wide" }, element("dt", {}, "Channels"), channels),
      ),
      button,
    );
    row.update = (session) => {
      transport.textContent = session.transport ?? "did not answer";
      peer.textContent = session.peer ?? "not known";
      age.textContent = `for ${duration((Date.now() - since) / 1_000)}`;
      const names = JSON.stringify(session.channels);
      if (channels.dataset.names === names) return;
      channels.dataset.names = names;
      channels.replaceChildren(...channelLinks(session.channels));
    };
    return row;
  }

  async #disconnect(client) {
    if (!(await confirmed(`Disconnect the client ${client}? It does not reconnect by itself.`, "Disconnect"))) return;
    await call("disconnect", { client });
    await this.#done("Disconnected.");
  }

  async #disconnectAll() {
    const { user } = this.#subject;
    if (!(await confirmed(`Disconnect all clients of ${user}? They do not reconnect by themselves.`, "Disconnect"))) return;
    await call("disconnect", { user });
    await this.#done("Disconnected.");
  }

  async #block() {
    const { user } = this.#subject;
    const { value } = this.#view.querySelector("#block-time");
    const chosen = this.#view.querySelector("#block-until");
    const end = value === "other" ? Date.parse(chosen.value) : Date.now() + 1_000 * Number(value);
    if (!(end > Date.now())) {
      this.#say("Choose a time that is still to come.");
      chosen.focus();
      return;
    }
    if (!(await confirmed(`Disconnect ${user} and refuse new connections until ${time(end)}?`, "Block"))) return;
    await call("block", { user, until: Math.ceil(end / 1_000) });
    await this.#done("Disconnected and blocked.");
  }

  async #unblock() {
    await call("block", { user: this.#subject.user });
    await this.#done("The block has ended.");
  }

  /** Says what has been done. The button that was used may be gone. */
  async #done(text) {
    await this.#refresher.start();
    this.#say(text);
    if (document.activeElement === document.body) this.#view.querySelector("#sessions-title").focus();
  }

  #say(text) {
    this.#view.querySelector(".outcome").textContent = text;
  }
}
