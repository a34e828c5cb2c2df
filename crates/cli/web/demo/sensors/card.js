// The sensors in the gallery.

import { element } from "/demo/shared/page.js";
import { Fleet } from "./fleet.js";

export const title = "Sensors";
export const text = "A fleet of devices: readings, who is online, and commands with their acknowledgements.";

/** Shows how many devices are connected. */
export function show(figure, hub) {
  const [number, caption] = [element("b", { className: "number" }), document.createTextNode("")];
  figure.append(element("p", {}, number, caption));
  const fleet = new Fleet(() => {});
  const write = () => {
    const { online } = fleet.figures();
    number.textContent = `${online}`;
    caption.textContent = online === 1 ? " device online" : " devices online";
  };
  hub.subscribe("demo-sensors:readings", { onpublication: ({ data, info }) => fleet.take(data, info?.client) });
  const members = hub.subscribe("demo-sensors:fleet", {
    joinLeave: true,
    async onsubscribed() {
      const present = await members.presence().catch(() => []); // the connection is lost: the next one asks again
      fleet.present(present.map(({ client }) => client));
    },
    onjoin: ({ client }) => fleet.joined(client),
    onleave: ({ client }) => fleet.left(client),
  });
  write();
  setInterval(write, 1000);
}
