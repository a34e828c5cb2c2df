// One device: its line, and commands to it with their acknowledgements.

import { element } from "/demo/shared/page.js";
import { Sparkline } from "/demo/shared/sparkline.js";
import { ago, degrees, gapOf } from "./board.js";

const COMMANDS_SHOWN = 8;

/** After so long (milliseconds) without an answer, the page says what that means. */
const PATIENCE = 3_000;

export class Panel {
  #section;
  #send;
  #device;
  #line;
  #drawn;
  #waiting = new Map();

  constructor(section, send) {
    this.#section = section;
    this.#send = send;
    this.#get("#led").addEventListener("click", () => {
      const led = !this.#device.led;
      this.#command({ led }, `LED ${led ? "on" : "off"}`);
    });
    this.#get("#every").addEventListener("change", ({ target }) => {
      const [choice] = target.selectedOptions;
      this.#command({ every: Number(target.value) }, `a reading every ${choice.textContent}`);
    });
  }

  open(device) {
    this.#section.hidden = false;
    this.#device = device;
    this.#get("#device-title").textContent = device.name;
    const canvas = this.#get("canvas");
    const fresh = canvas.cloneNode();
    canvas.replaceWith(fresh);
    this.#line = new Sparkline(fresh, { gap: gapOf(device) });
    for (const [time, t] of device.history) this.#line.push(t, time);
    this.#drawn = device.history.at(-1);
    this.show(device);
    if (matchMedia("(max-width: 60rem)").matches) this.#get("#device-title").focus();
  }

  show(device) {
    if (device !== this.#device) return;
    const last = device.history.at(-1);
    if (last !== undefined && last !== this.#drawn) this.#line.push(last[1], last[0]);
    this.#drawn = last;
    this.#get("#value").textContent = degrees(device.t);
    this.#get("#led").textContent = `Turn the LED ${device.led ? "off" : "on"}`;
    const every = this.#get("#every");
    if (device.every !== undefined && document.activeElement !== every) every.value = String(device.every);
    this.age();
  }

  age() {
    if (this.#device === undefined) return;
    const { online, seen } = this.#device;
    this.#get("#seen").textContent = `${online ? "Online" : "Offline"}, last seen ${ago(seen)}`;
  }

  /** Without a connection of this page, commands cannot be sent. */
  connection(kind) {
    this.#get("#led").disabled = kind !== "open";
    this.#get("#every").disabled = kind !== "open";
  }

  /** A device has done what the command with this id says. */
  acknowledged(id) {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.outcome.textContent = `acknowledged after ${took(performance.now() - waiting.sent)}`;
  }

  async #command(command, text) {
    const id = Math.random().toString(36).slice(2);
    const { name, online } = this.#device;
    const outcome = element("span", {}, "sent …");
    const list = this.#get("#commands");
    list.prepend(element("li", {}, `${name}: ${text} · `, outcome));
    while (list.childElementCount > COMMANDS_SHOWN) list.lastElementChild.remove();
    const late = () => (outcome.textContent = "no answer yet: the command waits for the device, up to five minutes");
    const waiting = { sent: performance.now(), outcome, timer: setTimeout(late, online ? PATIENCE : 0) };
    this.#waiting.set(id, waiting);
    try {
      await this.#send(this.#device, { id, ...command });
    } catch (error) {
      this.#waiting.delete(id);
      clearTimeout(waiting.timer);
      outcome.textContent = `not sent: ${error.message}`;
    }
  }

  #get(selector) {
    return this.#section.querySelector(selector);
  }
}

const took = (milliseconds) =>
  milliseconds < 1000 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds / 1000)} s`;
