// The ticker: shows the server's statistics once a second.

const SVG = "http://www.w3.org/2000/svg";
const SAMPLES = 60; // one per second: the last minute

const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function duration(seconds) {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3_600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

function parse(data) {
  try {
    const { uptime, connections, messages, rate } = JSON.parse(data);
    const tick = { uptime, connections, messages, rate };
    return Object.values(tick).every(Number.isFinite) ? tick : undefined;
  } catch {
    return undefined;
  }
}

/** Plots the last minute of one value as a line, with the newest sample at the right edge. */
class Plot {
  #svg;
  #line;
  #area;
  #samples = [];

  constructor(svg) {
    this.#svg = svg;
    this.#area = svg.appendChild(document.createElementNS(SVG, "path"));
    this.#area.setAttribute("class", "area");
    this.#line = svg.appendChild(document.createElementNS(SVG, "path"));
    this.#line.setAttribute("class", "line");
  }

  /** `undefined` is a gap: a second without data. */
  push(value) {
    this.#samples.push(value);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.#draw();
  }

  #draw() {
    const { height } = this.#svg.viewBox.baseVal;
    const runs = this.#runs().map((points) => ({ from: points[0], path: points.join("L") }));
    this.#line.setAttribute("d", runs.map(({ path }) => `M${path}`).join(""));
    this.#area.setAttribute("d", runs.map(({ from, path }) => `M${from[0]},${height}L${path}V${height}Z`).join(""));
  }

  /** The samples as points in the plot, in one list for each stretch without a gap. */
  #runs() {
    const { width, height } = this.#svg.viewBox.baseVal;
    const margin = 2; // room for half of the line's width at the top and bottom
    const highest = Math.max(1, ...this.#samples.filter((value) => value !== undefined));
    const runs = [[]];
    this.#samples.forEach((value, index) => {
      const age = this.#samples.length - 1 - index;
      const x = width * (1 - age / (SAMPLES - 1));
      const y = height - margin - (value / highest) * (height - 2 * margin);
      if (value === undefined) runs.push([]);
      else runs.at(-1).push([x, y]);
    });
    return runs.filter((points) => points.length > 0);
  }
}

export class Ticker {
  #values = {};
  #rate;
  #connections;

  constructor(panel) {
    for (const value of panel.querySelectorAll(".value")) this.#values[value.id] = value;
    this.#rate = new Plot(panel.querySelector("#rate-plot"));
    this.#connections = new Plot(panel.querySelector("#connections-plot"));
  }

  stateChanged(state) {
    if (state.kind !== "closed" || !state.wasOpen) return;
    this.#rate.push(undefined);
    this.#connections.push(undefined);
  }

  receive(data) {
    const tick = parse(data);
    if (tick === undefined) return;
    this.#values.uptime.textContent = duration(tick.uptime);
    this.#values.connections.textContent = integer.format(tick.connections);
    this.#values.messages.textContent = integer.format(tick.messages);
    this.#values.rate.textContent = decimal.format(tick.rate);
    this.#rate.push(tick.rate);
    this.#connections.push(tick.connections);
  }
}
