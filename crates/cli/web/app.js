// The page of `longwire serve`: each panel has its own WebSocket.

import { Chat } from "./chat.js";
import { Connection, endpoint } from "./connection.js";
import { showGallery } from "./gallery.js";
import { ConnectionStatus } from "./status.js";
import { Ticker } from "./ticker.js";

function start(panel, path, View) {
  const connection = new Connection(endpoint(path));
  const status = new ConnectionStatus(panel, () => connection.reconnectNow());
  const view = new View(panel, (message) => connection.send(message));
  connection.onstate = (state) => {
    status.show(state);
    view.stateChanged(state);
  };
  connection.onmessage = (data) => view.receive(data);
  connection.open();
}

for (const element of document.querySelectorAll("[data-endpoint]")) {
  element.textContent = endpoint(element.dataset.endpoint);
}
start(document.getElementById("chat"), "/channel/demo:chat", Chat);
start(document.getElementById("ticker"), "/ticker", Ticker);
showGallery(document.getElementById("gallery"));
