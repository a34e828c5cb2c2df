// The sensors of the demos, with a fleet of `longwire demo sensors`.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { demoTests, Network } from "../support/demo.mjs";
import { Program } from "../support/program.mjs";

const demos = demoTests(before, after);

const fleet = (t, port, ...args) => new Program(t, ["demo", "sensors", "--url", `127.0.0.1:${port}`, ...args]);

const tile = (tab, name) => tab.page.getByRole("button", { name });
const online = (tab, text) => tab.page.locator("#online", { hasText: text }).waitFor();
const log = (tab, text) => tab.page.locator("#commands li", { hasText: text }).first().waitFor();

test("two dashboards see a fleet, and a command of one is acknowledged and seen by both", async (t) => {
  const demo = await demos.start(t, "sensors");
  const [ada, grace] = [await demo.tab(), await demo.tab()];
  await ada.is("open");
  await ada.page.getByText("No device has been here").waitFor();
  const program = fleet(t, demo.server.port, "--devices", "12", "--every", "0.5");
  for (const tab of [ada, grace]) await online(tab, "12 of 12");
  await tile(ada, "sensor-03").click();
  await ada.page.getByRole("button", { name: "Turn the LED on" }).click();
  await log(ada, /sensor-03: LED on · acknowledged after \d/);
  await tile(grace, "sensor-03").getByText("LED").waitFor();
  await ada.page.getByLabel("A reading every").selectOption("0.2 s");
  await log(ada, /a reading every 0\.2 s · acknowledged after \d/);
  await ada.page.locator("#cost", { hasText: /^\d+ up, \d+ down$/ }).waitFor();
  await ada.fits();
  await ada.pictures("sensors");

  // A dashboard that is opened late sees them, too.
  const late = await demo.tab();
  await online(late, "12 of 12");

  assert.equal(await program.terminate().exit(), 0);
  assert.match(program.stderr, /readings and 2 commands/);
  for (const tab of [ada, grace, late]) {
    await online(tab, "0 of 12");
    tab.hasNoComplaints();
  }
  await tile(grace, "sensor-03").getByText("offline, seen").waitFor();
});

test("a command to a device that is away waits for it", async (t) => {
  const demo = await demos.start(t, "sensors");
  const tab = await demo.tab();
  const network = await Network.start(t, demo.server.port);
  fleet(t, new URL(network.http("")).port, "--devices", "2", "--every", "0.5");
  await online(tab, "2 of 2");
  network.cut();
  await online(tab, "0 of 2");
  await tile(tab, "sensor-01").click();
  await tab.page.getByRole("button", { name: "Turn the LED on" }).click();
  await log(tab, "the command waits for the device");
  network.restore();
  await online(tab, "2 of 2");
  await log(tab, /sensor-01: LED on · acknowledged after/);
  await tile(tab, "sensor-01").getByText("LED").waitFor();
  tab.hasNoComplaints();
});

test("a dashboard that was away shows who has come and gone meanwhile", async (t) => {
  const demo = await demos.start(t, "sensors");
  const tab = await demo.tab();
  const first = fleet(t, demo.server.port, "--devices", "2", "--name", "old");
  await online(tab, "2 of 2");
  await tab.cut();
  await first.terminate().exit();
  fleet(t, demo.server.port, "--devices", "3", "--name", "new");
  await tab.restore();
  await online(tab, "3 of 5");
  await tile(tab, "old-01").getByText("offline").waitFor();
  tab.hasNoComplaints();
});

test("a tab can be a device, and obeys the other tab", async (t) => {
  const demo = await demos.start(t, "sensors");
  const [device, dashboard] = [await demo.tab(), await demo.tab()];
  await dashboard.is("open");
  await device.page.getByRole("button", { name: "Simulate a device in this tab" }).click();
  await online(dashboard, "1 of 1");
  await tile(dashboard, /^tab-/).press("Enter");
  await dashboard.page.getByRole("button", { name: "Turn the LED on" }).press("Enter");
  await log(dashboard, /LED on · acknowledged after/);
  await tile(device, /^tab-/).getByText("LED").waitFor();
  await device.cut();
  await online(dashboard, "0 of 1");
  await device.restore();
  await online(dashboard, "1 of 1");
  await device.page.getByRole("button", { name: /^Stop tab-/ }).click();
  await online(dashboard, "0 of 1");
  const lines = await dashboard.explains();
  assert.ok(lines.includes("const hub = new Hub();"), lines.join("\n"));
  for (const tab of [device, dashboard]) tab.hasNoComplaints();
});

test("what is no report is ignored", async (t) => {
  const demo = await demos.start(t, "sensors");
  const tab = await demo.tab();
  await tab.is("open");
  const reports = [null, 7, "text", [], { d: "<img src=x>", t: 1 }, { d: "a".repeat(41), t: 1 }, { d: "odd", t: "hot", state: 4 }, { d: "odd", state: null }];
  await tab.page.evaluate(async (reports) => {
    const { Hub } = await import("/demo/shared/hub.js");
    const hub = new Hub();
    await new Promise((resolve) => (hub.onstate = ({ kind }) => kind === "open" && resolve()));
    for (const data of reports) await hub.call("publish", { channel: "demo-sensors:readings", data });
    await hub.call("publish", { channel: "demo-sensors:readings", data: { d: "last", t: 20 } });
    hub.close();
  }, reports);
  await tile(tab, "last").waitFor();
  assert.deepEqual(await tab.page.locator(".tile .name").allTextContents(), ["last", "odd"]);
  tab.hasNoComplaints();
});
