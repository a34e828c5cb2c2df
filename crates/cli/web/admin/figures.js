// The overview: figures of the server with their plots.

import { element } from "./dom.js";
import { bytes, count, decimal, time } from "./format.js";
import { Plot } from "./plot.js";

/** As many samples as the server keeps. */
const KEPT = 600;

const perSecond = (value) => `${decimal(value)}/s`;
const bytesPerSecond = (value) => `${bytes(value)}/s`;
const milliseconds = (value) => `${decimal(value)} ms`;

/** What each figure is called, and how it is written. */
const FIGURES = [
  { name: "connections", title: "Connections", write: count },
  { name: "clients", title: "Clients of the hub", write: count },
  { name: "users", title: "Users", write: count },
  { name: "channels", title: "Channels", write: count },
  { name: "subscriptions", title: "Subscriptions", write: count },
  { name: "publications", title: "Publications", write: perSecond },
  { name: "messages_out", title: "Messages out", write: perSecond },
  { name: "messages_in", title: "Messages in", write: perSecond },
  { name: "bytes_out", title: "Bytes out", write: bytesPerSecond },
  { name: "bytes_in", title: "Bytes in", write: bytesPerSecond },
  { name: "delay", title: "Delivery delay", write: milliseconds, note: "until all event loops have delivered" },
  { name: "memory", title: "Memory", write: bytes },
  { name: "slow", title: "Slow clients disconnected", write: count, isTotal: true },
  { name: "refused", title: "Refused connections", write: count, isTotal: true },
];

class Figure {
  #figure;
  #value;
  #range;
  #svg;
  #plot;
  #summary = "";

  constructor(list, figure) {
    this.#figure = figure;
    this.#value = element("span", { className: "value", id: `figure-${figure.name}` }, "–");
    this.#range = element("span", { className: "range" });
    this.#svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.#svg.setAttribute("role", "img");
    const title = element("dt", {}, figure.title);
    const plot = element("dd", { className: "plot" }, this.#svg);
    list.append(element("div", { className: "figure" }, title, element("dd", {}, this.#value, this.#range), plot));
    this.#plot = new Plot(this.#svg);
    this.#plot.onpoint = (point) => this.#showPoint(point);
  }

  /** Totals are plotted from where the plot begins. */
  show(samples) {
    const { name, title, write, isTotal, note } = this.#figure;
    const known = samples.filter((sample) => sample[name] !== null);
    if (known.length === 0) return;
    const base = isTotal ? known[0][name] : 0;
    const points = known.map((sample) => [sample.time, sample[name] - base]);
    const newest = known.at(-1)[name];
    const highest = points.reduce((most, [, value]) => Math.max(most, value), 0);
    this.#value.textContent = write(newest);
    this.#summary = isTotal ? `${write(highest)} in 10 min` : `max ${write(highest)}`;
    if (note && highest === 0) this.#summary = note;
    this.#svg.setAttribute("aria-label", `${title} in the last 10 minutes: ${this.#summary}`);
    if (!this.#svg.matches(":hover")) this.#range.textContent = this.#summary;
    this.#plot.draw(points);
  }

  #showPoint(point) {
    this.#range.textContent = point ? `${time(point[0])}: ${this.#figure.write(point[1])}` : this.#summary;
  }
}

export class Figures {
  #figures;
  #samples = [];
  #isShown = false;

  constructor(view) {
    const list = view.querySelector(".figures");
    this.#figures = FIGURES.map((figure) => new Figure(list, figure));
  }

  show() {
    this.#isShown = true;
    this.#draw();
  }

  hide() {
    this.#isShown = false;
  }

  receive(data) {
    const { history, sample } = JSON.parse(data);
    if (history) this.#samples = history;
    // It may be in the history, too.
    if (sample && !(sample.time <= this.#samples.at(-1)?.time)) this.#samples.push(sample);
    if (this.#samples.length > KEPT) this.#samples.splice(0, this.#samples.length - KEPT);
    if (this.#isShown) this.#draw();
  }

  #draw() {
    for (const figure of this.#figures) figure.show(this.#samples);
  }
}
