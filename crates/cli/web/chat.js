// The chat: sends JSON of the form {"name": …, "text": …, "id": …} over a channel.

const MOST_MESSAGES = 200;
const MOST_CHARACTERS = 4_000;
const MOST_NAME_CHARACTERS = 40;

function clip(text, most) {
  return text.length > most ? `${text.slice(0, most)} …` : text;
}

/** Anyone can send anything to a channel. Messages that do not have the chat's form are shown as raw messages. */
function parse(data) {
  if (typeof data !== "string") return { kind: "foreign", text: `binary message, ${data.size} bytes` };
  try {
    const { name, text, id } = JSON.parse(data);
    if (typeof name === "string" && typeof text === "string") return { kind: "message", name, text, id };
  } catch {
    // Not JSON, or `null`: show it as it is.
  }
  return { kind: "foreign", text: data };
}

function element(tag, className, text) {
  const created = document.createElement(tag);
  created.className = className;
  created.textContent = text;
  return created;
}

export class Chat {
  #send;
  #log;
  #list;
  #empty;
  #name;
  #text;
  #button;
  #hint;
  #missedSome = false;
  /** The ids of own messages that have not come back. */
  #sent = new Set();

  constructor(panel, send) {
    this.#send = send;
    this.#log = panel.querySelector(".log");
    this.#list = panel.querySelector("ol");
    this.#empty = panel.querySelector(".empty");
    this.#name = panel.querySelector("#name");
    this.#text = panel.querySelector("#text");
    this.#button = panel.querySelector("button[type=submit]");
    this.#hint = panel.querySelector(".hint");
    panel.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Disables the button and shows a hint while disconnected. The typed text stays. */
  stateChanged(state) {
    this.#button.disabled = state.kind !== "open";
    if (state.kind === "closed") {
      this.#hint.textContent = "Not connected. What you typed stays here until you can send it.";
      this.#missedSome ||= state.wasOpen;
      this.#sent.clear();
    } else if (state.kind === "open") {
      this.#hint.textContent = "";
      if (this.#missedSome) this.#note("Connected again. Messages sent in the meantime are not shown.");
      this.#missedSome = false;
    }
  }

  receive(data) {
    const message = parse(data);
    // It was shown when it was sent.
    if (this.#sent.delete(message.id)) return;
    this.#show(message, "other");
  }

  #submit() {
    const text = this.#text.value.trim();
    if (text === "") return;
    const id = `${Math.random()}`;
    const message = { name: this.#name.value.trim() || "anonymous", text, id };
    if (!this.#send(JSON.stringify(message))) return;
    this.#sent.add(id);
    this.#show({ kind: "message", ...message }, "own");
    this.#text.value = "";
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #show({ kind, name, text }, whose) {
    const item = element("li", kind === "foreign" ? "foreign" : whose, "");
    const now = new Date();
    const time = element("time", "", now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    time.dateTime = now.toISOString();
    const label = kind === "foreign" ? "raw message" : clip(name.trim(), MOST_NAME_CHARACTERS) || "anonymous";
    item.append(element("span", "name", label), time, element("p", "", clip(text, MOST_CHARACTERS)));
    this.#append(item);
  }

  #note(text) {
    this.#append(element("li", "note", text));
  }

  /** Scrolls to the newest message unless the reader has scrolled back. */
  #append(item) {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const atEnd = scrollHeight - scrollTop - clientHeight < 40;
    this.#empty.hidden = true;
    this.#list.append(item);
    while (this.#list.childElementCount > MOST_MESSAGES) this.#list.firstElementChild.remove();
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}
