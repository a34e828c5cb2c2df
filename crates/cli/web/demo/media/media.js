// The page of audio and video: one tab of a room sends, the others view.

import { Connection, endpoint } from "/connection.js";
import { Page } from "/demo/shared/page.js";
import { Player } from "./player.js";
import { piece, readPiece } from "./protocol.js";
import { Sender } from "./sender.js";
import { ServerClock } from "./server-clock.js";
import { openCamera, TestPattern } from "./sources.js";

/** The server answers once a second. Without an answer for so long (milliseconds), the line is dead. */
const SILENCE = 4_000;
/** With so many bytes waiting to be sent, pictures are left out. */
const CONGESTED = 64 * 1024;

const byId = (id) => document.getElementById(id);
const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const room = new URLSearchParams(location.search).get("room") ?? "lobby";

const page = new Page();
const clock = new ServerClock();
const serverNow = () => clock.now();
const player = new Player(byId("screen"), serverNow);
const figures = { bytes: 0, skipped: 0, last: undefined, delay: undefined };

let sender; // while this tab sends
let format; // of what it sends
let what; // it sends, in words
let live; // the format that is viewed, as JSON
let heard = 0;

// how it works
const connection = new Connection(endpoint(`/demo/media/room/${encodeURIComponent(room)}`), { binaryType: "arraybuffer" });

connection.onstate = (state) => {
  page.show(state);
  if (state.kind !== "open") return void (document.body.dataset.sender = "nobody");
  clock.reset();
  heard = performance.now();
  figures.last = live = undefined;
  askTime();
  if (sender) goLive();
};

connection.onmessage = (data) => {
  heard = performance.now();
  if (typeof data === "string") return answers[JSON.parse(data).type]?.(JSON.parse(data));
  const received = readPiece(data);
  say({ type: "ack", number: received.number }); // the server sends more: so nothing grows old on the way
  figures.skipped += received.number - (figures.last ?? received.number - 1) - 1;
  figures.last = received.number;
  figures.bytes += data.byteLength;
  player.receive(received);
};

/** Asks to be the sender of the room, again after each reconnection. */
const goLive = () => say({ type: "start", format });
// so far

const say = (message) => connection.send(JSON.stringify(message));
const askTime = () => say({ type: "time", sent: performance.now() });

const answers = {
  time: (answer) => clock.answered(answer),
  state({ sender: who, viewers, format: shown }) {
    if (who === "you" && sender && who !== document.body.dataset.sender) {
      sender.restart(); // begins with a key frame
      tell(what);
    }
    document.body.dataset.sender = who;
    byId("viewers").textContent = integer.format(viewers);
    showButtons(who);
    if (who === "another" && !sender) view(shown);
    else endView(who);
  },
  busy() {
    if (sender) tell("Somebody else sends in this room. Trying again …");
    setTimeout(() => sender && document.body.dataset.sender !== "you" && goLive(), 1_000);
  },
};

function tell(text) {
  if (byId("news").textContent !== text) byId("news").textContent = text;
}

function view(shown) {
  if (live === JSON.stringify(shown)) return;
  live = JSON.stringify(shown);
  figures.last = undefined;
  const problem = player.start(shown);
  const parts = [shown.video && `pictures (${shown.video.codec})`, shown.audio && `sound (${shown.audio.codec})`];
  tell(problem ?? `Live: ${parts.filter(Boolean).join(" and ") || "nothing"} from another tab.`);
}

function endView(who) {
  live = undefined;
  player.stop();
  figures.delay = undefined;
  if (who === "nobody" && !sender) tell("Nobody sends in this room. Begin, or open it in a second tab.");
}

function showButtons(who) {
  const isSending = sender !== undefined;
  byId("camera").hidden = byId("pattern").hidden = isSending || who === "another";
  byId("stop").hidden = !isSending;
  byId("sound").hidden = isSending;
}

/** Sends what `open` opens; the test pattern if it cannot. */
async function share(open) {
  let source;
  let why = "";
  try {
    source = await open();
  } catch (error) {
    source = new TestPattern();
    why = ` There is no camera or microphone to use (${error.message}).`;
  }
  const begun = new Sender(source, byId("screen"), serverNow);
  begun.onerror = (error) => stop(`The browser cannot encode: ${error.message}`);
  begun.isCongested = () => connection.buffered > CONGESTED;
  begun.onpiece = (taken) => {
    const message = piece(taken);
    if (document.body.dataset.sender === "you" && connection.send(message)) figures.bytes += message.byteLength;
  };
  format = await begun.start();
  sender = begun;
  what = `You send: ${source.name}.${why} Open this page in a second tab to see it.`;
  showButtons("you");
  goLive();
}

function stop(why = "You have stopped.") {
  tell(why);
  sender.stop();
  sender = undefined;
  say({ type: "stop" });
  showButtons("nobody");
}

/** Once a second: the figures, the clock, and whether the line is still alive. */
function everySecond() {
  if (performance.now() - heard > SILENCE) connection.abandon("no answer for 4 seconds");
  askTime();
  byId("delay").textContent = figures.delay === undefined ? "–" : `${integer.format(figures.delay)} ms`;
  byId("pictures").textContent = live === undefined ? "–" : `${player.pictures} / s`;
  byId("bytes").textContent = `${integer.format(figures.bytes / 1000)} kB/s`;
  byId("skipped").textContent = integer.format(sender ? sender.leftOut : figures.skipped);
  player.pictures = figures.bytes = 0;
}

player.ondelay = (milliseconds) => (figures.delay = milliseconds);
page.onreconnect = () => connection.reconnectNow();
byId("room").textContent = room;
byId("camera").addEventListener("click", () => share(openCamera));
byId("pattern").addEventListener("click", () => share(() => new TestPattern()));
byId("stop").addEventListener("click", () => stop());
byId("sound").addEventListener("click", async () => {
  await player.turnSound(!player.hasSound);
  byId("sound").textContent = player.hasSound ? "Turn sound off" : "Turn sound on";
});
connection.open();
setInterval(everySecond, 1_000);
