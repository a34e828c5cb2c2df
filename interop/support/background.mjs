// A program of others that runs while a test does: a broker, a proxy.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { within } from "./deadline.mjs";

/** An empty folder, removed when the test `t` is over. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "longwire-cluster-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A port on which nobody listens now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until `condition` holds, asking ten times a second. */
export async function until(condition, what, details) {
  let over = false;
  const met = (async () => {
    while (!over && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 100));
  })();
  try {
    return await within(met, what, details);
  } finally {
    over = true;
  }
}

/** Whether somebody accepts connections at this port. */
export function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true) || socket.destroy());
    socket.on("error", () => resolve(false));
  });
}

/** Started, and listening at `port`; killed when the test `t` is over. It can be started again. */
export class Background {
  #child;
  #command;
  #exit;
  output = "";

  constructor(t, command, port) {
    this.#command = command;
    this.port = port;
    t.after(() => this.kill());
  }

  async start() {
    const [path, ...args] = this.#command;
    this.#child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.output = (this.output + text).slice(-10_000)));
    }
    this.#exit = once(this.#child, "exit");
    this.#exit.catch((error) => (this.output += error));
    const gone = this.#exit.then(() => Promise.reject(new Error(`${path} has ended: ${this.output}`)));
    gone.catch(() => {});
    await Promise.race([until(() => listens(this.port), `${path} at port ${this.port}`, () => `: ${this.output}`), gone]);
    return this;
  }

  get pid() {
    return this.#child.pid;
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Ends it in order. */
  async stop() {
    this.#child.kill("SIGTERM");
    await within(this.#exit, "end of a program");
  }

  async kill() {
    this.#child?.kill("SIGKILL");
    await this.#exit?.catch(() => {});
  }
}
