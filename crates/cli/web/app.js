// The page of `longwire serve`: each panel has its own WebSocket.

import { Chat } from "./chat.js";
import { Connection } from "./connection.js";
import { ConnectionStatus } from "./status.js";
import { Ticker } from "./ticker.js";

/** The address of a WebSocket endpoint on the server that served this page. */
function endpoint(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

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
