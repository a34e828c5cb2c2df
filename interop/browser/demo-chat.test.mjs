// The chat of the demos.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { connect } from "../support/client.mjs";
import { demoTests } from "../support/demo.mjs";

const demos = demoTests(before, after);

/** A tab of somebody in the chat. */
class Talker {
  static async enter(demo, name, options) {
    const talker = new Talker();
    talker.tab = await demo.tab(options);
    talker.page = talker.tab.page;
    await talker.tab.is("open");
    await talker.page.getByLabel("Name").fill(name);
    await talker.page.getByLabel("Name").press("Tab");
    await talker.sees(`${name} (you)`);
    return talker;
  }

  get texts() {
    return this.page.locator(".log li p").allTextContents();
  }

  async say(text) {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.getByLabel("Message", { exact: true }).press("Enter");
  }

  /** Waits for a message that the server has. */
  async reads(text) {
    await this.page.locator(".log li:not(.waiting) p").getByText(text, { exact: true }).waitFor();
  }

  /** Waits until exactly this person is shown as present. */
  async sees(person) {
    await this.page.locator(".people").getByText(person, { exact: true }).waitFor();
  }
}

test("two talk: names, who is here, who is typing, and what was said before somebody came", async (t) => {
  const demo = await demos.start(t, "chat");
  const ada = await Talker.enter(demo, "Ada");
  await ada.say("Is this on?");
  await ada.reads("Is this on?");
  const grace = await Talker.enter(demo, "Grace", { path: "/" });
  await grace.reads("Is this on?"); // from the history
  await ada.sees("Grace");
  await grace.sees("Ada");
  await grace.page.getByLabel("Message", { exact: true }).pressSequentially("Lou");
  await ada.page.getByText("Grace is typing …").waitFor();
  await grace.say("Loud and clear.");
  await ada.reads("Loud and clear.");
  await ada.page.locator(".typing", { hasText: /^$/ }).waitFor({ state: "attached" });
  assert.deepEqual(await ada.page.locator(".log .name").allTextContents(), ["Ada", "Grace"]);
  await grace.tab.page.close();
  await ada.page.locator(".people li").nth(1).waitFor({ state: "detached" });
  await ada.tab.explains();
  await ada.tab.fits();
  ada.tab.hasNoComplaints();
});

test("while the network is cut nothing is lost and nothing doubled, in either direction", async (t) => {
  const demo = await demos.start(t, "chat");
  const [ada, grace] = [await Talker.enter(demo, "Ada"), await Talker.enter(demo, "Grace")];
  await ada.say("one");
  await grace.reads("one");
  await grace.tab.cut();
  for (const text of ["two", "three", "four"]) {
    await ada.say(text);
    await ada.reads(text);
  }
  await grace.say("five");
  await grace.say("six");
  assert.equal(await grace.page.locator(".log .waiting").count(), 2);
  await grace.tab.restore();
  await grace.page.getByText("Connected again: recovered 3 messages.").waitFor();
  for (const talker of [ada, grace]) {
    await talker.reads("six");
    assert.deepEqual(await talker.texts, ["one", "two", "three", "four", "five", "six"]);
  }
  assert.equal(await grace.page.locator(".log .recovered").count(), 3);
  await ada.sees("Grace");
  await grace.tab.pictures("chat");
  for (const { tab } of [ada, grace]) tab.hasNoComplaints();
});

test("a message that the server took just before the cut is not said twice", async (t) => {
  const demo = await demos.start(t, "chat");
  const [ada, grace] = [await Talker.enter(demo, "Ada"), await Talker.enter(demo, "Grace")];
  grace.tab.network.deafen(); // what Grace sends arrives, and no answer comes back
  await grace.say("said once");
  await ada.reads("said once");
  await grace.tab.cut();
  await grace.tab.restore();
  await grace.reads("said once");
  await grace.say("and on");
  await ada.reads("and on");
  for (const talker of [ada, grace]) assert.deepEqual(await talker.texts, ["said once", "and on"]);
});

test("a connection that has gone silent is given up, and what was said goes over the next", async (t) => {
  const demo = await demos.start(t, "chat");
  const [ada, grace] = [await Talker.enter(demo, "Ada"), await Talker.enter(demo, "Grace")];
  await grace.page.clock.install();
  grace.tab.network.freeze();
  await grace.say("into the void");
  await grace.page.clock.runFor(10_500);
  await grace.page.waitForFunction(() => window.shownStates[""].some((state) => state.includes("no answer to publish")));
  grace.tab.network.cut();
  grace.tab.network.thaw();
  grace.tab.network.restore();
  await grace.page.clock.resume();
  await ada.reads("into the void");
});

test("a restarted server has forgotten everything, and the chat goes on", async (t) => {
  const demo = await demos.start(t, "chat");
  const ada = await Talker.enter(demo, "Ada");
  await ada.say("before");
  await ada.reads("before");
  await demo.restart();
  await ada.tab.is("open");
  await ada.say("after");
  await ada.reads("after");
  await ada.sees("Ada (you)");
  assert.deepEqual(await ada.texts, ["after"]);
});

test("each room has its own messages and people", async (t) => {
  const demo = await demos.start(t, "chat");
  const [ada, grace] = [await Talker.enter(demo, "Ada"), await Talker.enter(demo, "Grace", { path: "#tea" })];
  await ada.say("in the lobby");
  await ada.reads("in the lobby");
  await grace.say("in the kitchen");
  await grace.reads("in the kitchen");
  assert.equal(await ada.page.locator(".people li").count(), 1);
  await ada.page.getByRole("link", { name: "Tea kitchen" }).press("Enter");
  await ada.reads("in the kitchen");
  await ada.sees("Grace");
  assert.deepEqual(await ada.texts, ["in the kitchen"]);
});

test("whatever somebody publishes is shown as text", async (t) => {
  const demo = await demos.start(t, "chat");
  const ada = await Talker.enter(demo, "Ada");
  const client = await connect(t, demo.server.ws("/channel/demo:chat-lobby"));
  const markup = "<img src=x onerror=document.title='run'>";
  for (const data of [markup, JSON.stringify({ text: markup }), '{"text":1}', "null", '"]'] ) client.send(data);
  await ada.page.locator(".log li").nth(4).waitFor();
  await ada.say("the end");
  await ada.reads("the end");
  assert.equal(await ada.page.locator(".log li").count(), 6);
  assert.equal(await ada.page.locator(".log img").count(), 0);
  assert.match(await ada.page.title(), /^Chat/);
  ada.tab.hasNoComplaints();
});
