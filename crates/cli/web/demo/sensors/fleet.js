// What is known of the devices. Everybody may publish to the channel of readings: what is no report is ignored.

/** More devices than this are not shown. */
const MOST = 1_000;

const NAME = /^[A-Za-z0-9-]{1,40}$/;

export class Fleet {
  #devices = new Map();
  #byClient = new Map();
  #present = new Set();
  #changed;
  #readings = 0;
  #content;

  /** Calls `changed` with each device of which something is new. */
  constructor(changed) {
    this.#changed = changed;
  }

  /** A report: `{ d: name, t: temperature, state }`. */
  take(report, client, time = Date.now()) {
    const { d: name, t, state } = report ?? {};
    if (typeof name !== "string" || !NAME.test(name)) return;
    const device = this.#device(name);
    if (device === undefined) return;
    device.seen = Math.max(device.seen, time);
    if (client !== device.client) this.#connected(device, client);
    if (Number.isFinite(t)) {
      device.t = t;
      device.history.push([time, t]);
      if (device.history.length > 300) device.history.shift();
      this.#readings += 1;
      if (state === undefined) this.#content = JSON.stringify(report).length;
    }
    this.#state(device, state ?? {});
    this.#changed(device);
  }

  /** The ids of all connections that are subscribed to the fleet. */
  present(clients) {
    this.#present = new Set(clients);
    for (const device of this.#devices.values()) this.#set(device, this.#present.has(device.client));
  }

  joined(client) {
    this.#present.add(client);
    const device = this.#byClient.get(client);
    if (device !== undefined) this.#set(device, true);
  }

  left(client) {
    this.#present.delete(client);
    const device = this.#byClient.get(client);
    if (device !== undefined) this.#set(device, false);
  }

  figures() {
    const devices = [...this.#devices.values()];
    const sum = (what) => devices.reduce((total, device) => total + (device.spent?.[what] ?? 0), 0);
    const counted = sum("readings");
    const cost = counted > 0 ? { up: sum("up") / counted, down: sum("down") / counted } : undefined;
    const online = devices.filter((device) => device.online).length;
    return { online, devices: devices.length, readings: this.#readings, cost, content: this.#content };
  }

  #device(name) {
    if (!this.#devices.has(name) && this.#devices.size < MOST) {
      this.#devices.set(name, { name, online: false, seen: 0, led: false, history: [] });
    }
    return this.#devices.get(name);
  }

  /** The device has a new connection. That of before may leave later. */
  #connected(device, client) {
    this.#byClient.delete(device.client);
    this.#byClient.set(client, device);
    device.client = client;
    device.online = this.#present.has(client);
    device.counted = undefined;
    device.isNew = true;
  }

  /** Between two states of a device: how many readings there were, and what they have cost. */
  #state(device, { led, every, readings, bytes }) {
    if (typeof led === "boolean") device.led = led;
    if (Number.isFinite(every)) device.every = every;
    const now = { readings, up: bytes?.up, down: bytes?.down };
    if (!Object.values(now).every(Number.isFinite)) return;
    const { counted: before, isNew } = device;
    device.isNew = false;
    if (isNew) return; // what connecting has cost is no matter of readings
    if (before !== undefined && now.readings > before.readings) {
      device.spent = { readings: now.readings - before.readings, up: now.up - before.up, down: now.down - before.down };
    }
    device.counted = now;
  }

  #set(device, online) {
    if (device.online === online) return;
    device.online = online;
    this.#changed(device);
  }
}
