// The game in the gallery.

import { Connection, endpoint } from "/connection.js";
import { ArenaView } from "./arena.js";
import { read } from "./protocol.js";
import { Timeline } from "./timeline.js";

export const title = "Game";
export const text = "An arena on the server, thirty snapshots a second as binary messages, and bots to play with.";

/** Shows the arena as it is now, while the page is visible. */
export function show(figure) {
  const canvas = document.createElement("canvas");
  figure.append(canvas);
  const [view, timeline] = [new ArenaView(canvas, 0), new Timeline()];
  let connection;
  let names = new Map();

  function watch() {
    connection = new Connection(endpoint("/demo/game/socket"), { binaryType: "arraybuffer" });
    connection.onstate = () => timeline.clear();
    connection.onmessage = (data) => {
      const message = read(data);
      if (message.kind === "snapshot") timeline.add(message, performance.now());
      // Too small for names.
      if (message.kind === "roster") names = new Map(message.players.map((entry) => [entry.seat, { ...entry, name: "" }]));
    };
    connection.open();
  }

  function draw(now) {
    const world = timeline.at(now);
    if (world) view.draw(world, names);
    requestAnimationFrame(draw);
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? connection.close() : watch()));
  watch();
  requestAnimationFrame(draw);
}
