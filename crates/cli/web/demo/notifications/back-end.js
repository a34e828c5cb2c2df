// The back end of the notifications: what its command does, the buttons do.

const BURST = 25;

const NEWS = [
  { title: "Parcel on its way", text: "It arrives tomorrow between 9 and 12." },
  { title: "Ada replied", text: "“Loud and clear.”" },
  { title: "Build passed", text: "main is green again." },
  { title: "Payment received", text: "Thank you." },
];

export class BackEnd {
  #visitor;
  #count = 0;
  #command = document.getElementById("curl");
  #sent = document.getElementById("sent");

  constructor(visitor) {
    this.#visitor = visitor;
    document.getElementById("copy").addEventListener("click", () => this.#copy());
    document.getElementById("one").addEventListener("click", () => this.#send(1));
    document.getElementById("burst").addEventListener("click", () => this.#send(BURST));
  }

  get #channel() {
    return `demo-inbox:#${this.#visitor.user}`;
  }

  /** Shows the command for the user that the visitor is now. */
  show() {
    const url = new URL("/demo/api/publish", location.href);
    const body = JSON.stringify({ channel: this.#channel, data: { title: "Hello from curl", text: "It works." } });
    this.#command.textContent = `curl ${url} -H 'X-API-Key: ${this.#visitor.apiKey}' -d '${body}'`;
  }

  // how it works
  async #publish(data) {
    const response = await fetch("/demo/api/publish", {
      method: "POST",
      headers: { "X-API-Key": this.#visitor.apiKey },
      body: JSON.stringify({ channel: this.#channel, data }),
    });
    if (!response.ok) throw new Error((await response.text()).trim());
    const { error } = await response.json();
    if (error !== undefined) throw new Error(error.message);
  }
  // so far

  async #send(count) {
    const news = Array.from({ length: count }, () => NEWS[this.#count++ % NEWS.length]);
    const outcomes = await Promise.allSettled(news.map((data) => this.#publish(data)));
    const failed = outcomes.filter(({ status }) => status === "rejected");
    const sent = count - failed.length;
    this.#sent.textContent = `${sent} published.${failed.length > 0 ? ` ${failed.length} not: ${failed[0].reason.message}` : ""}`;
  }

  async #copy() {
    const { textContent } = this.#command;
    try {
      await navigator.clipboard.writeText(textContent);
      this.#sent.textContent = "Copied.";
    } catch {
      // Only pages of https:// and of this machine may write to the clipboard.
      getSelection().selectAllChildren(this.#command);
      this.#sent.textContent = "Selected: copy it with the keyboard.";
    }
  }
}
