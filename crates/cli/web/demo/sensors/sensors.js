// The dashboard: what the devices publish, who of them is connected, and commands to them.

import { Hub } from "/demo/shared/hub.js";
import { Page } from "/demo/shared/page.js";
import { Board } from "./board.js";
import { Fleet } from "./fleet.js";
import { Panel } from "./panel.js";
import { TabDevice } from "./tab-device.js";

/** What a dashboard that was opened late shows of the past. */
const PAST = 300;

const page = new Page();
const panel = new Panel(document.querySelector(".device"), send);
const board = new Board(document.getElementById("devices"), (device) => panel.open(device));
const fleet = new Fleet((device) => {
  board.show(device);
  panel.show(device);
});

// how it works
const hub = new Hub();

const readings = hub.subscribe("demo-sensors:readings", {
  recover: true,
  onpublication: take,
  onsubscribed({ recovered }) {
    if (!recovered) void lookBack();
  },
});

/** `info` is the connection that published: by it, presence knows whether the device is still there. */
function take({ data, info, time }) {
  fleet.take(data, info?.client, time);
  panel.acknowledged(data?.ack);
}

const members = hub.subscribe("demo-sensors:fleet", {
  joinLeave: true,
  onsubscribed: () => void lookAround(),
  onjoin: ({ client }) => fleet.joined(client),
  onleave: ({ client }) => fleet.left(client),
});

/** A publisher need not subscribe: the command goes to the channel that only the device is subscribed to. */
async function send(device, command) {
  await hub.call("publish", { channel: `demo-sensors:${device.name}`, data: command });
}
// so far

/** If the connection is lost meanwhile, the next one looks again. */
async function lookBack() {
  try {
    const { publications } = await readings.history({ limit: PAST, reverse: true });
    publications.reverse().forEach(take);
  } catch (error) {
    console.info(`no history: ${error.message}`);
  }
}

async function lookAround() {
  try {
    fleet.present((await members.presence()).map(({ client }) => client));
  } catch (error) {
    console.info(`no presence: ${error.message}`);
  }
}

hub.onstate = (state) => {
  page.show(state);
  panel.connection(state.kind);
};
page.onreconnect = () => hub.reconnectNow();

const origin = location.origin.replace(/^http/, "ws");
document.getElementById("start").textContent = `longwire demo sensors --url ${origin}`;

const simulate = document.getElementById("simulate");
let tabDevice;
simulate.addEventListener("click", () => {
  tabDevice?.stop();
  tabDevice = tabDevice === undefined ? new TabDevice() : undefined;
  simulate.textContent = tabDevice === undefined ? "Simulate a device in this tab" : `Stop ${tabDevice.name}`;
});

const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const write = (id, text) => (document.getElementById(id).textContent = text);
let before = { readings: 0, time: performance.now() };

setInterval(() => {
  const { online, devices, readings, cost, content } = fleet.figures();
  const time = performance.now();
  write("online", `${online} of ${devices}`);
  write("rate", integer.format(((readings - before.readings) / (time - before.time)) * 1000));
  before = { readings, time };
  if (cost !== undefined) write("cost", `${integer.format(cost.up)} up, ${integer.format(cost.down)} down`);
  if (content !== undefined) write("content", integer.format(content));
  document.getElementById("empty").hidden = devices > 0;
  board.age();
  panel.age();
}, 1000);
