// The gallery: a card for each demo of this server.

/** Shows the cards, or that there are none. A card is of its demo: `/demo/NAME/card.js`. */
export async function showGallery(list, otherwise) {
  const { demos } = await (await fetch("/demos.json")).json();
  otherwise.hidden = demos.length > 0;
  if (demos.length === 0) return;
  list.closest("section").hidden = false;
  const [{ Hub }, { element }] = await Promise.all([import("/demo/shared/hub.js"), import("/demo/shared/page.js")]);
  const cards = await Promise.all(demos.map((name) => import(`/demo/${name}/card.js`)));
  // One connection for what all cards show live. Nobody is anybody on it.
  const hub = new Hub();
  for (const [index, { title, text, show }] of cards.entries()) {
    const figure = element("div", { className: "figure", "aria-hidden": "true" });
    const link = element("a", { href: `/demo/${demos[index]}` }, title);
    list.append(element("li", { className: "card" }, figure, element("h3", {}, link), element("p", {}, text)));
    show(figure, hub);
  }
}
