// The gallery: a card for each demo of this server. A demo brings its own card: `/demo/NAME/card.js`.

function element(tag, className, ...children) {
  const created = document.createElement(tag);
  created.className = className;
  created.append(...children);
  return created;
}

/** Adds the cards to a list. `show` of a card fills its figure with something live, over one connection for all. */
export async function showGallery(list) {
  const { demos } = await (await fetch("/demos.json")).json();
  if (demos.length === 0) return;
  const { Hub } = await import("/demo/shared/hub.js");
  const hub = new Hub();
  const cards = await Promise.all(demos.map((name) => import(`/demo/${name}/card.js`)));
  for (const [index, { title, text, show }] of cards.entries()) {
    const link = element("a", "", title);
    link.href = `/demo/${demos[index]}`;
    const figure = element("div", "figure");
    list.append(element("li", "card", element("h3", "", link), element("p", "", text), figure));
    show(figure, hub);
  }
}
