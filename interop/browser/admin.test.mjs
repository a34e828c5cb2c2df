// The admin page in Chromium.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AdminPage, adminHub, PASSWORD } from "../support/admin-page.mjs";
import { until } from "../support/background.mjs";
import { launch } from "../support/browser.mjs";
import { redis } from "../support/engines.mjs";
import { api, connected, event, subscribed, token } from "../support/hub.mjs";
import { serve } from "../support/server.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A user that is subscribed to a channel, with the id of its client. */
async function member(t, server, user, channel) {
  const client = await connected(t, server, "json", { token: token({ sub: user }) });
  const answer = await client.presence(channel).catch(() => undefined);
  assert.equal(answer, undefined, "who is not subscribed may not read the presence");
  const subscription = await subscribed(client, channel, "json");
  const { clients } = await subscription.presence();
  const [id] = Object.entries(clients).find(([, info]) => info.user === user);
  return { client, subscription, id };
}

test("a wrong password does not open the page, and the right one does", async (t) => {
  const server = await adminHub(t);
  const admin = await AdminPage.open(t, browser, server);
  await admin.signIn("a wrong password");
  await admin.page.getByText("This is not the password.").waitFor();
  assert.equal(await admin.page.getByRole("navigation").count(), 0);
  await admin.signIn(PASSWORD);
  await admin.live();
  await admin.shows("Overview");
  const [cookie] = await admin.page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/admin"]);
  assert.equal(await admin.page.locator("#insecure").isVisible(), false);

  await admin.page.reload();
  await admin.live();
  await admin.page.getByRole("button", { name: "Sign out" }).click();
  await admin.page.getByLabel("Password or token").waitFor();
  await admin.page.reload();
  await admin.page.getByLabel("Password or token").waitFor();
  // The browser itself reports 401; nothing is thrown, and nothing offends against the Content-Security-Policy.
  const complaints = admin.page.complaints.filter((complaint) => !complaint.includes("401"));
  assert.deepEqual(complaints, []);
});

test("figures move when clients come, and a page that is opened later has their history", async (t) => {
  const server = await adminHub(t);
  const admin = await AdminPage.signedIn(t, browser, server);
  await admin.figure("clients", /^0$/);
  const { client } = await member(t, server, "ada", "chat:tea");
  await admin.figure("clients", /^1$/);
  await admin.figure("subscriptions", /^1$/);
  await admin.figure("memory", /MiB$/);
  client.disconnect();
  await admin.figure("clients", /^0$/);
  const later = await AdminPage.signedIn(t, browser, server);
  await later.figure("clients", /^0$/);
  const summary = later.page.locator("dl.figures svg[aria-label*='Clients of the hub']");
  assert.match(await summary.getAttribute("aria-label"), /max 1$/);
});

test("a channel shows who is in it and what was published", async (t) => {
  const server = await adminHub(t);
  await member(t, server, "ada", "chat:tea");
  const { client } = await member(t, server, "grace", "chat:tea");
  const markup = "<img src=x onerror=document.title='run'>";
  for (let number = 1; number <= 25; number += 1) {
    await api(server, "publish", { channel: "chat:tea", data: { number, markup } });
  }
  const admin = await AdminPage.signedIn(t, browser, server, { route: "/channels" });
  await admin.page.getByRole("link", { name: "chat:tea" }).click();
  await admin.page.getByRole("heading", { name: "chat:tea" }).waitFor();
  await admin.page.locator(".members").getByRole("link", { name: "ada" }).waitFor();
  await admin.page.locator(".members").getByRole("link", { name: "grace" }).waitFor();
  await admin.page.locator(".publications li").getByText('"number":25').waitFor();
  await admin.page.getByRole("button", { name: "Older" }).click();
  await admin.page.locator(".publications li").getByText('"number":1,').waitFor();
  assert.equal(await admin.page.locator(".publications li").count(), 5);
  assert.equal(await admin.page.locator(".publications img").count(), 0);
  assert.match(await admin.page.title(), /^chat:tea/);
  client.disconnect();
  await admin.page.locator(".members").getByRole("link", { name: "grace" }).waitFor({ state: "detached" });

  await admin.page.getByRole("button", { name: "Newest" }).click();
  await admin.page.locator(".publications li").getByText('"number":25').waitFor();
  await admin.page.getByRole("button", { name: "Remove the history" }).click();
  await admin.confirm("Remove");
  await admin.page.locator(".publications").getByText("Nothing is kept.").waitFor();
  assert.deepEqual((await api(server, "history", { channel: "chat:tea", limit: 9 })).publications, []);
});

test("what is published from the page reaches subscribers, if it is JSON", async (t) => {
  const server = await adminHub(t);
  const { subscription } = await member(t, server, "ada", "chat:tea");
  const admin = await AdminPage.signedIn(t, browser, server, { route: "/channels/chat%3Atea" });
  const data = admin.page.getByLabel("Data, as JSON");
  await data.fill("{ rain }");
  await admin.page.getByRole("button", { name: "Publish" }).click();
  await admin.page.getByText("This is not JSON").waitFor();
  await data.fill('{ "rain": [1.5, "ä"] }');
  await admin.page.getByRole("button", { name: "Publish" }).click();
  await admin.page.getByText("Published with offset 1.").waitFor();
  const { data: received } = await subscription.publications.next("publication");
  assert.deepEqual(received, { rain: [1.5, "ä"] });
  await admin.page.locator(".publications li").getByText("by the back end").waitFor();
});

test("a user is found, disconnected, blocked and let in again", async (t) => {
  const server = await adminHub(t);
  const { client, id } = await member(t, server, "ada", "chat:tea");
  await member(t, server, "grace", "chat:tea");
  const admin = await AdminPage.signedIn(t, browser, server, { route: "/users" });
  await admin.page.getByLabel(/Part of the user/).fill("ad");
  await admin.page.getByText("1 user is connected").waitFor();
  await admin.page.getByRole("link", { name: "ada" }).click();
  const sessions = admin.page.locator(".sessions");
  await sessions.getByRole("link", { name: id }).waitFor();
  await sessions.getByText("websocket").waitFor();
  await sessions.getByText(/^127\.0\.0\.1:\d+$/).waitFor();
  await sessions.getByRole("link", { name: "chat:tea" }).waitFor();

  const gone = event(client, "disconnected");
  await admin.page.getByRole("button", { name: `Disconnect client ${id}` }).click();
  await admin.confirm("Cancel");
  await admin.page.getByRole("button", { name: `Disconnect client ${id}` }).click();
  await admin.confirm("Disconnect");
  assert.equal((await gone).code, 3503);
  await admin.shows("Not connected now.");

  await admin.page.getByRole("button", { name: "Disconnect and block" }).click();
  await admin.confirm("Block");
  await admin.page.getByText(/^Blocked until/).waitFor();
  const refused = event(client, "disconnected");
  client.connect();
  assert.equal((await refused).code, 3507);
  await admin.page.getByRole("button", { name: "End the block" }).click();
  await admin.page.getByText("Not blocked.").waitFor();
  const again = event(client, "connected");
  client.connect();
  await again;
  await sessions.getByText("websocket").waitFor();
});

test("a client is found by its id, also an anonymous one", async (t) => {
  const server = await serve(t, { config: `[admin]\nenabled = true\npassword = "${PASSWORD}"\n` });
  const client = await connected(t, server, "json");
  const subscription = await subscribed(client, "demo:tea", "json");
  const [id] = Object.keys((await subscription.presence()).clients);
  const admin = await AdminPage.signedIn(t, browser, server, { route: "/users" });
  await admin.page.getByLabel(/Part of the user/).fill(id);
  await admin.page.getByRole("button", { name: "Open" }).click();
  await admin.page.getByRole("heading", { name: `Client ${id}` }).waitFor();
  await admin.page.locator(".sessions").getByText("anonymous").waitFor();
});

test("nodes are listed with what they are", async (t) => {
  const server = await adminHub(t);
  const admin = await AdminPage.signedIn(t, browser, server, { route: "/nodes" });
  const node = admin.page.locator("#nodes li");
  await node.getByText(/^Longwire \d/).waitFor();
  await node.getByText(/^\d+ s$/).waitFor();
  await node.getByText("in memory").waitFor();
  assert.equal(await node.count(), 1);
});

test("all nodes are listed, with how they reach the broker", async (t) => {
  const engine = await redis(t);
  const names = ["first", "second"];
  const broker = `[broker]\ntype = "redis"\nurls = ["${engine.url()}"]\n`;
  const node = (name) => adminHub(t, { before: `node_name = "${name}"\n`, after: broker });
  const servers = await Promise.all(names.map(node));
  const admin = await AdminPage.signedIn(t, browser, servers[0], { route: "/nodes" });
  const nodes = admin.page.locator("#nodes li");
  for (const name of names) {
    const node = nodes.filter({ has: admin.page.getByRole("heading", { name }) });
    await node.getByText(/^answers in \d+\.\d ms$/).waitFor();
  }
  await servers[1].stop();
  await nodes.filter({ hasText: "second" }).waitFor({ state: "detached" });
  await engine.kill();
  await nodes.getByText("cannot be reached").waitFor();
});

test("channels and users of all nodes are shown, and a node that hangs is noticed", async (t) => {
  const engine = await redis(t);
  const broker = `[broker]\ntype = "redis"\nurls = ["${engine.url()}"]\n`;
  const servers = await Promise.all([0, 1].map(() => adminHub(t, { after: broker })));
  await until(async () => (await api(servers[0], "info", {})).nodes.length === 2, "two nodes that know one another");
  const { id } = await member(t, servers[1], "42", "chat:tea");
  const admin = await AdminPage.signedIn(t, browser, servers[0], { route: "/channels" });
  await admin.page.getByRole("link", { name: "chat:tea" }).waitFor();
  await admin.go("/users/42");
  await admin.shows(id);
  await admin.shows("chat:tea");
  servers[1].pause();
  await admin.go("/channels");
  await admin.shows("0 channels have subscribers; 1 node does not answer");
});

test("after a restart the page asks for the password, and then goes on", async (t) => {
  const server = await adminHub(t);
  const admin = await AdminPage.signedIn(t, browser, server, { route: "/nodes" });
  await server.stop();
  await admin.page.locator("#live .countdown", { hasText: /next try in \d+ s/ }).waitFor();
  await adminHub(t, { port: server.port });
  await admin.page.getByLabel("Password or token").waitFor();
  await admin.signIn(PASSWORD);
  await admin.live();
  await admin.shows("Running for");
});

test("with --insecure and without a password, the page opens and says so loudly", async (t) => {
  const server = await serve(t, { args: ["--admin", "--insecure"] });
  const admin = await AdminPage.open(t, browser, server);
  await admin.live();
  await admin.page.getByRole("alert").getByText("INSECURE").waitFor();
  await admin.page.getByText("This page has no password").waitFor();
  assert.equal(await admin.page.getByRole("button", { name: "Sign out" }).count(), 0);
  assert.deepEqual(admin.page.complaints, []);
});

test("over https the cookie is for https alone", async (t) => {
  const server = await adminHub(t, { tls: true });
  const admin = await AdminPage.signedIn(t, browser, server);
  const [cookie] = await admin.page.context().cookies();
  assert.equal(cookie.secure, true);
});

test("a page of another site cannot call with the operator's cookie", async (t) => {
  const server = await adminHub(t);
  const { page } = await AdminPage.signedIn(t, browser, server);
  // For cookies, another port is the same site: only the origin tells the two pages apart.
  const other = await adminHub(t);
  await page.goto(other.http("/health"));
  const status = await page.evaluate(async (url) => {
    const body = JSON.stringify({ channel: "chat:tea", data: "forged" });
    const request = { method: "POST", body, credentials: "include", mode: "no-cors" };
    return (await fetch(url, request)).type;
  }, server.http("/admin/api/publish"));
  assert.equal(status, "opaque");
  const forged = await page.evaluate((url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("refused");
  }), server.ws("/admin/live"));
  assert.equal(forged, "refused");
  const { publications } = await api(server, "history", { channel: "chat:tea", limit: 9 });
  assert.deepEqual(publications, [], "nothing was published");
});

test("by keyboard alone: sign in, publish, and back", async (t) => {
  const server = await adminHub(t);
  const { subscription } = await member(t, server, "ada", "chat:tea");
  const admin = await AdminPage.open(t, browser, server);
  const { page } = admin;
  await page.waitForSelector("#secret:focus");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await admin.live();
  await page.waitForSelector("#overview-title:focus");
  const tabTo = async (name) => {
    for (let tries = 0; tries < 40; tries += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => {
        const focused = document.activeElement;
        // Between the last control and the first, the browser's own controls have the focus.
        const text = focused === document.body ? "" : focused.textContent.trim();
        return { text, outline: getComputedStyle(focused).outlineStyle };
      });
      if (focused.text === "") continue;
      assert.equal(focused.outline, "solid", `the focus is visible on ${focused.text}`);
      if (focused.text === name) return;
    }
    assert.fail(`${name} is not reached`);
  };
  await tabTo("Skip to the content");
  await tabTo("Channels");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#channels-title:focus");
  await page.locator("#channels").getByRole("link", { name: "chat:tea" }).waitFor();
  await tabTo("chat:tea");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#channel-title:focus");
  await tabTo("Publish");
  await page.keyboard.press("Enter");
  const { data } = await subscription.publications.next("publication");
  assert.deepEqual(data, { text: "Hello" });
  await tabTo("Remove the history");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Remove the history" }).and(page.locator(":focus")).waitFor();
});

test("on a phone nothing is wider than the screen", async (t) => {
  const server = await adminHub(t);
  const long = `chat:${"x".repeat(200)}`;
  await member(t, server, "u".repeat(120), long);
  await api(server, "publish", { channel: long, data: { text: "W".repeat(3_000) } });
  const phone = { viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  const admin = await AdminPage.open(t, browser, server, phone);
  assert.ok((await admin.overflow()) <= 0);
  await admin.signIn(PASSWORD);
  await admin.live();
  for (const [route, text] of [
    ["/", "Overview"],
    ["/channels", "subscriber"],
    [`/channels/${encodeURIComponent(long)}`, "by the back end"],
    ["/users", "connection"],
    [`/users/${"u".repeat(120)}`, "websocket"],
    ["/nodes", "Version"],
  ]) {
    await admin.go(route);
    await admin.shows(text);
    assert.ok((await admin.overflow()) <= 0, `${route} is wider than the screen`);
  }
});
