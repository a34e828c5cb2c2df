// The nodes of the hub.

import { call } from "./api.js";
import { element, show } from "./dom.js";
import { count, duration } from "./format.js";
import { Refresher } from "./refresher.js";

/** Title and value of what is shown of a node. */
const facts = (node) => [
  ["Id", node.id],
  ["Version", node.version],
  ["Running for", duration(node.uptime)],
  ["Clients", count(node.clients)],
  ["Users", count(node.users)],
  ["Channels", count(node.channels)],
  ["Subscriptions", count(node.subscriptions)],
  ["Broker", broker(node.broker)],
  ["Channels that lost publications", count(node.broker.lost)],
];

/** How a node sees the broker. */
function broker({ reachable, alone, latency }) {
  if (alone) return "cannot be reached: the node goes on alone";
  if (!reachable) return "cannot be reached";
  return latency === null ? "in memory" : `answers in ${latency.toFixed(1)} ms`;
}

function make(node) {
  const values = new Map(facts(node).map(([title]) => [title, element("dd")]));
  const list = element("dl", { className: "facts" });
  for (const [title, value] of values) {
    list.append(element("div", { className: title === "Id" ? "id" : "" }, element("dt", {}, title), value));
  }
  const row = element("li", { className: "card" }, element("h3", {}, node.name), list);
  row.update = (newer) => {
    for (const [title, value] of facts(newer)) values.get(title).textContent = value;
  };
  return row;
}

export class Nodes {
  #list;
  #refresher;

  constructor(view, onfailure) {
    this.#list = view.querySelector(".list");
    this.#refresher = new Refresher(() => this.#refresh(), onfailure);
  }

  show() {
    return this.#refresher.start();
  }

  hide() {
    this.#refresher.stop();
  }

  async #refresh() {
    const { nodes } = await call("overview");
    show(this.#list, nodes, ({ id }) => id, make);
  }
}
