// The official client of Centrifugo through a reverse proxy in front of the hub: `node hub.mjs PROXY API`.

import { Centrifuge } from "centrifuge";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import { EventSource } from "eventsource";
import WebSocket from "ws";

import { expect, run } from "./cells.mjs";

const [proxy, api] = process.argv.slice(2);
const API_KEY = "an-api-key-of-the-tests";
const PUBLICATIONS = 5;

const at = (path) => new URL(path, proxy).href;
const next = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

async function publish(channel, data) {
  const headers = { "X-API-Key": API_KEY };
  const body = JSON.stringify({ channel, data });
  const response = await fetch(new URL("/api/publish", api), { method: "POST", headers, body });
  expect((await response.json()).result?.offset > 0, true);
}

/** Publications arrive as soon as they are published, both ways, and the server notices at once that a client leaves. */
const client = (transport, encoding) => async () => {
  const channel = `open:${new URL(proxy).port}-${transport}-${encoding}`;
  const connect = async (transport, Client) => {
    const endpoint = at(`/connection/${transport}`).replace(/^http/, transport === "websocket" ? "ws" : "http");
    const made = new Client([{ transport, endpoint }], {
      websocket: WebSocket,
      eventsource: EventSource,
      emulationEndpoint: at("/emulation"),
    });
    const subscription = made.newSubscription(channel, { joinLeave: true });
    const subscribed = next(subscription, "subscribed");
    subscription.subscribe();
    made.connect();
    await subscribed;
    return { made, subscription };
  };
  const read = (data) => JSON.parse(encoding === "protobuf" ? new TextDecoder().decode(data) : JSON.stringify(data));
  const write = (value) => (encoding === "protobuf" ? new TextEncoder().encode(JSON.stringify(value)) : value);
  const { made, subscription } = await connect(transport, encoding === "protobuf" ? ProtobufCentrifuge : Centrifuge);
  for (let number = 0; number < PUBLICATIONS; number += 1) {
    let publication = next(subscription, "publication");
    await publish(channel, number);
    expect(read((await publication).data), number);
    publication = next(subscription, "publication");
    await subscription.publish(write(`own ${number}`));
    expect(read((await publication).data), `own ${number}`);
  }
  const witness = await connect("websocket", Centrifuge);
  const left = next(witness.subscription, "leave");
  made.disconnect();
  await left;
  witness.made.disconnect();
};

/** Asks for a stream, as a page of this origin. */
const ask = (origin) => {
  const headers = { "Content-Type": "application/json", Origin: origin };
  return fetch(at("/connection/http_stream"), { method: "POST", headers, body: '{"id":1,"connect":{}}' });
};

await run(
  {
    "websocket-json": client("websocket", "json"),
    "websocket-protobuf": client("websocket", "protobuf"),
    "http-stream-json": client("http_stream", "json"),
    "http-stream-protobuf": client("http_stream", "protobuf"),
    sse: client("sse", "json"),
    origin: async () => {
      if (proxy.startsWith("http:")) return "the hub accepts only pages that the proxy serves by TLS";
      const own = await ask(new URL(proxy).origin);
      expect(own.status, 200);
      await own.body.cancel();
      expect((await ask("https://elsewhere.example")).status, 403);
    },
    api: async () => {
      const headers = { "X-API-Key": API_KEY };
      expect((await fetch(at("/api/info"), { method: "POST", headers, body: "{}" })).status, 404);
    },
  },
  (cell) => console.log(JSON.stringify(cell)),
);
process.exit();
