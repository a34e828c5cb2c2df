// The page of `longwire serve`: the gallery of the demos, and the server's own figures.

import { Connection, endpoint } from "./connection.js";
import { showGallery } from "./gallery.js";
import { ConnectionStatus } from "./status.js";
import { Ticker } from "./ticker.js";

for (const element of document.querySelectorAll("[data-endpoint]")) {
  element.textContent = endpoint(element.dataset.endpoint);
}

const panel = document.getElementById("ticker");
const connection = new Connection(endpoint("/ticker"));
const status = new ConnectionStatus(panel, () => connection.reconnectNow());
const ticker = new Ticker(panel);
connection.onstate = (state) => {
  status.show(state);
  ticker.stateChanged(state);
};
connection.onmessage = (data) => ticker.receive(data);
connection.open();

showGallery(document.getElementById("gallery"), document.getElementById("no-demos"));
