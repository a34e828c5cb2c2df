// The admin page: signing in, and which view is shown.

import { call, CallError, SignedOut, signIn, signOut } from "./api.js";
import { Channel } from "./channel.js";
import { Connection } from "./connection.js";
import { Figures } from "./figures.js";
import { CHANNELS, List, USERS } from "./lists.js";
import { Nodes } from "./nodes.js";
import { ConnectionStatus } from "./status.js";
import { User } from "./user.js";

const byId = (id) => document.getElementById(id);

const figures = new Figures(byId("overview"));
const views = {
  overview: figures,
  channels: new List(byId("channels"), CHANNELS, failed),
  channel: new Channel(byId("channel"), failed),
  users: new List(byId("users"), USERS, failed),
  user: new User(byId("user"), failed),
  nodes: new Nodes(byId("nodes"), failed),
};

let shown;
let connection;

/** The view and its subject that an address names. */
function routed() {
  const [, kind = "", ...rest] = location.hash.split("/");
  const name = decode(rest.join("/"));
  switch (kind) {
    case "channels":
      return name === "" ? { view: "channels" } : { view: "channel", subject: name };
    case "users":
      return name === "" ? { view: "users" } : { view: "user", subject: { user: name } };
    case "clients":
      return { view: "user", subject: { client: name } };
    case "nodes":
      return { view: "nodes" };
    default:
      return { view: "overview" };
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function showView(name, subject) {
  if (shown) {
    views[shown].hide();
    byId(shown).hidden = true;
  }
  shown = name;
  byId(name).hidden = false;
  byId("problem").textContent = "";
  views[name].show(subject);
  const section = { channel: "channels", user: "users" }[name] ?? name;
  for (const link of document.querySelectorAll("nav a")) {
    const [, kind] = link.hash.split("/");
    if ((kind || "overview") === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${byId(name).querySelector("h2").textContent} · Longwire admin`;
}

function navigate({ movesFocus }) {
  const { view, subject } = routed();
  showView(view, subject);
  // As after loading another page.
  scrollTo(0, 0);
  if (movesFocus) byId(view).querySelector("h2").focus();
}

/** What went wrong, or nothing after what went well. */
function failed(error) {
  if (error instanceof SignedOut) {
    askForPassword();
    return;
  }
  const problem = byId("problem");
  const text = error instanceof CallError ? error.message : "";
  if (problem.textContent !== text) problem.textContent = text;
  if (error && text === "") throw error;
}

/** Whether the page is open: nobody is asked for the password. */
function setOpen(isOpen) {
  byId("sign-in").hidden = isOpen;
  byId("live").hidden = !isOpen;
  document.querySelector("nav").hidden = !isOpen;
}

function askForPassword() {
  if (shown) {
    views[shown].hide();
    byId(shown).hidden = true;
    shown = undefined;
  }
  connection?.close();
  connection = undefined;
  setOpen(false);
  byId("problem").textContent = "";
  document.title = "Sign in · Longwire admin";
  byId("secret").focus();
}

/** Shows the page, if it may be shown. */
async function start({ movesFocus }) {
  const { insecure, open } = await call("overview");
  setOpen(true);
  byId("sign-out").hidden = open;
  warn(insecure, open);
  watch();
  navigate({ movesFocus });
}

function warn(isInsecure, isOpen) {
  const clients = "INSECURE: anybody may do everything in every channel, without a token (--insecure).";
  const page = " This page has no password: whoever reaches it may do everything here.";
  const alarm = byId("insecure");
  alarm.textContent = isInsecure ? clients + (isOpen ? page : "") : "";
  alarm.hidden = !isInsecure;
}

/** Receives the figures. */
function watch() {
  const url = new URL("/admin/live", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  connection = new Connection(url.href);
  status.show({ kind: "connecting" });
  connection.onmessage = (data) => figures.receive(data);
  connection.onstate = (state) => {
    status.show(state);
    // The session may have ended. A browser does not tell a page why a WebSocket was refused.
    if (state.kind === "closed") call("overview").catch((error) => error instanceof SignedOut && askForPassword());
  };
  connection.open();
}

const status = new ConnectionStatus(byId("live"), () => connection?.reconnectNow());

byId("sign-in").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [secret, problem] = [byId("secret"), byId("sign-in-problem")];
  problem.textContent = "";
  try {
    await signIn(secret.value);
    secret.value = "";
    await start({ movesFocus: true });
  } catch (error) {
    problem.textContent = error instanceof CallError ? error.message : "The browser does not keep the session’s cookie.";
    secret.select();
  }
});

byId("sign-out").addEventListener("click", async () => {
  await signOut();
  askForPassword();
});

addEventListener("hashchange", () => shown && navigate({ movesFocus: true }));

start({ movesFocus: false }).catch(failed);
