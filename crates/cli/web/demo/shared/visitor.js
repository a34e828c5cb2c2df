// The user that a visitor of the demos is: a back end signs a token (JWT) for each of its users. That of the demos does so
// for everybody who asks.

export class Visitor {
  /** The name that others see. */
  name;
  user;
  /** The key of the back end's API, `/demo/api`. */
  apiKey;

  #storage;
  #token;

  /** Remembered for this tab; in `localStorage`, for all tabs of the browser. */
  constructor(storage = sessionStorage) {
    this.#storage = storage;
    this.name = this.#read("name");
    this.#token = this.#read("token");
  }

  /** Whether there has been a token. */
  get isKnown() {
    return this.#token !== "";
  }

  rename(name) {
    this.name = name;
    this.#write("name", name);
  }

  /** A new token of the same user. */
  async token() {
    const response = await fetch("/demo/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: this.name, token: this.#token }),
    });
    if (!response.ok) throw new Error((await response.text()).trim());
    const { token, user, api_key: apiKey } = await response.json();
    this.#token = token;
    this.#write("token", token);
    Object.assign(this, { user, apiKey });
    return token;
  }

  #read(key) {
    return this.#storage.getItem(`demo-${key}`) ?? "";
  }

  #write(key, value) {
    this.#storage.setItem(`demo-${key}`, value);
  }
}
