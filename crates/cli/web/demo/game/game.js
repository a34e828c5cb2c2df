// The page of the game: what the server says is shown, and what the player wants is sent.

import { Connection, endpoint } from "/connection.js";
import { element, Page } from "/demo/shared/page.js";
import { ArenaView, COLOURS } from "./arena.js";
import { Controls } from "./controls.js";
import { join, ping, read, steer, TICKS_PER_SECOND } from "./protocol.js";
import { Timeline } from "./timeline.js";

/** Snapshots come all the time. Without one for so long (milliseconds), the line is dead. */
const SILENCE = 3_000;

const byId = (id) => document.getElementById(id);
const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const page = new Page();
const canvas = byId("arena");
const view = new ArenaView(canvas);
const controls = new Controls(canvas, byId("boost"));
const timeline = new Timeline();
const traffic = { snapshots: 0, bytes: 0 };
const key = ownKey();

let names = new Map(); // the entries of the roster, by seat
let seat; // { seat, turn } while playing
let wants; // { name, colour } of who wants to play, and gets the seat back over the next connection
let steered = "";
let heard = 0; // when the last message came
let seen = new Map(); // players of the snapshot before

// how it works
const connection = new Connection(endpoint("/demo/game/socket"), { binaryType: "arraybuffer" });

connection.onstate = (state) => {
  page.show(state);
  if (state.kind !== "open") return;
  heard = performance.now();
  timeline.clear(); // the first message brings the whole world
  if (wants) connection.send(join(key, wants.colour, wants.name)); // with the same key: the same seat
};

connection.onmessage = (data) => {
  heard = performance.now();
  const message = read(data);
  if (message.kind === "snapshot") timeline.add(message, heard);
  if (message.kind === "pong") byId("latency").textContent = `${integer.format(heard - message.sent)} ms`;
  handlers[message.kind]?.(message, data);
};

/** Thirty times a second: only the direction is sent. Where that leads is the server's decision. */
function sendSteering() {
  const own = ownPlayer(timeline.newest);
  const wanted = steer(controls.steering(own && view.placeOf(own)));
  if (seat && `${wanted}` !== steered && connection.send(wanted)) steered = `${wanted}`;
}

function drawFrame(now) {
  const world = timeline.at(now);
  if (world) view.draw(world, names, ownPlayer(world));
  requestAnimationFrame(drawFrame);
}
// so far

const handlers = {
  snapshot(snapshot, data) {
    traffic.snapshots += 1;
    traffic.bytes += data.byteLength;
    tellEvents(snapshot.players);
  },
  roster({ players, newest }) {
    names = new Map(players.map((entry) => [entry.seat, entry]));
    const isMine = seat && names.get(seat.seat)?.turn === seat.turn;
    if (seat && newest >= seat.turn && !isMine) stopPlaying("Your seat went to somebody else. Play again when you like.");
  },
  seated({ seat: number, turn }) {
    const wasPlaying = seat !== undefined;
    seat = { seat: number, turn };
    steered = "";
    setPlaying(true);
    tell(wasPlaying ? "You are back where you were." : "You play. Who is larger than you can eat you.");
  },
  full() {
    stopPlaying("All seats are taken. You watch until one is free.");
  },
};

function ownPlayer(snapshot) {
  return seat && snapshot?.players.find((player) => player.seat === seat.seat);
}

/** What a player has to know, as text: for everybody who looks elsewhere, or cannot see the arena. */
function tell(text) {
  byId("news").textContent = text;
}

const nameOf = (number) => names.get(number)?.name ?? "Somebody";

function tellEvents(players) {
  const before = seen;
  seen = new Map(players.map((player) => [player.seat, player]));
  if (!seat) return;
  for (const player of players) {
    if (!player.eaten || before.get(player.seat)?.eaten !== false) continue;
    if (player.seat === seat.seat) tell(`${nameOf(player.eatenBy)} has eaten you. You begin again.`);
    else if (player.eatenBy === seat.seat) tell(`You have eaten ${nameOf(player.seat)}.`);
  }
}

function setPlaying(isPlaying) {
  controls.isActive = isPlaying;
  document.body.classList.toggle("playing", isPlaying);
  byId("play").textContent = isPlaying ? "Change name and colour" : "Play";
}

function stopPlaying(why) {
  seat = undefined;
  wants = undefined;
  setPlaying(false);
  tell(why);
}

/** By which the server knows this tab again, over another connection and after a reload. */
function ownKey() {
  const kept = JSON.parse(sessionStorage.getItem("game-key") ?? "null");
  if (kept) return kept;
  const made = [...crypto.getRandomValues(new Uint8Array(8))];
  sessionStorage.setItem("game-key", JSON.stringify(made));
  return made;
}

/** Once a second: the figures, the ranks, and whether the line is still alive. */
function everySecond() {
  if (performance.now() - heard > SILENCE) connection.abandon("no snapshot for 3 seconds");
  connection.send(ping(performance.now()));
  byId("rate").textContent = `${traffic.snapshots} / s`;
  byId("bytes").textContent = `${integer.format(traffic.bytes / 1000)} kB/s`;
  Object.assign(traffic, { snapshots: 0, bytes: 0 });
  showRanks((timeline.newest?.players ?? []).toSorted((one, other) => other.mass - one.mass));
}

function showRanks(players) {
  const own = players.findIndex((player) => player.seat === seat?.seat);
  byId("size").textContent = own < 0 ? "–" : integer.format(players[own].mass);
  byId("rank").textContent = own < 0 ? "–" : `${own + 1} of ${players.length}`;
  byId("ranks").replaceChildren(...players.slice(0, 8).map(rankLine));
}

function rankLine({ seat: number, mass }) {
  const entry = names.get(number);
  const swatch = element("span", { className: "swatch", "aria-hidden": "true" });
  swatch.style.background = COLOURS[(entry?.colour ?? 0) % COLOURS.length];
  const name = element("span", { className: "name" }, nameOf(number), entry?.isBot ? element("small", {}, " bot") : "");
  const line = element("li", { className: number === seat?.seat ? "own" : "" }, swatch, name);
  line.append(element("span", { className: "mass" }, integer.format(mass)));
  return line;
}

COLOURS.forEach((colour, index) => {
  const choice = element("input", { type: "radio", name: "colour", value: index, "aria-label": `Colour ${index + 1}` });
  choice.style.setProperty("--colour", colour);
  byId("colours").append(choice);
});
byId("colours").children[Math.floor(Math.random() * COLOURS.length)].checked = true;

byId("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  wants = { name: form.get("name").trim() || "anonymous", colour: Number(form.get("colour")) };
  if (!connection.send(join(key, wants.colour, wants.name))) tell("Not connected. You play as soon as the server is there.");
  canvas.focus();
});

page.onreconnect = () => connection.reconnectNow();
connection.open();
setInterval(sendSteering, 1000 / TICKS_PER_SECOND);
setInterval(everySecond, 1000);
requestAnimationFrame(drawFrame);
