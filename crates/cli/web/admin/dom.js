// Elements, and lists of them that keep their place.

/** A new element. Texts among the children are inserted as text, whatever they say. */
export function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children.filter((child) => child !== undefined));
  return created;
}

/**
 * Makes `list` show `items`: those that it shows already keep their element, and the focus. `make(item)` returns a new
 * element with a method `update(item)`.
 */
export function show(list, items, keyOf, make) {
  const focused = list.contains(document.activeElement) ? document.activeElement : undefined;
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const found = known.get(key) ?? make(item);
    known.delete(key);
    found.dataset.key = key;
    found.update(item);
    if (found === place) place = place.nextElementSibling;
    else list.insertBefore(found, place);
  }
  for (const gone of known.values()) gone.remove();
  if (focused?.isConnected && document.activeElement !== focused) focused.focus();
}

/** Asks before something that cannot be undone. */
export function confirmed(question, action) {
  const dialog = document.querySelector("dialog");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = action;
  dialog.returnValue = "no";
  const asking = document.activeElement;
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => {
      giveFocusBack(asking);
      resolve(dialog.returnValue === "yes");
    };
    dialog.addEventListener("close", closed, { once: true });
  });
}

/** Browsers give it back, too, but a busy one may take it away when it shows the page without the dialog. */
function giveFocusBack(element) {
  const give = () => document.activeElement === document.body && element.focus();
  give();
  requestAnimationFrame(() => requestAnimationFrame(give));
}

/** The route of a channel, a user or a client. */
export const route = (kind, name) => `#/${kind}/${encodeURIComponent(name)}`;
