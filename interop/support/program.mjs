// A program under test as a child process.

import { spawn } from "node:child_process";

import { within } from "./deadline.mjs";
import { longwire } from "./environment.mjs";

/** `longwire`, or another program, run with the arguments; ended, if still there, when the test `t` is over. */
export class Program {
  stdout = "";
  stderr = "";
  #child;
  #exit;
  #onOutput = () => {};

  constructor(t, args, path = longwire()) {
    this.#child = spawn(path, args, { stdio: "pipe" });
    this.#child.stdin.on("error", () => {}); // it may end before it has read its input; its exit code tells
    for (const stream of ["stdout", "stderr"]) {
      this.#child[stream].setEncoding("utf8").on("data", (text) => {
        this[stream] += text;
        this.#onOutput();
      });
    }
    this.#exit = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (code, signal) => resolve(code ?? signal));
    });
    this.#exit.catch(() => {});
    t.after(() => this.#child.kill("SIGKILL"));
  }

  write(text) {
    this.#child.stdin.write(text);
    return this;
  }

  endInput() {
    this.#child.stdin.end();
    return this;
  }

  /** From now on, it does nothing, as a machine that hangs. */
  pause() {
    this.#child.kill("SIGSTOP");
  }

  terminate() {
    this.#child.kill("SIGTERM");
    return this;
  }

  /** Its exit code, or the signal that ended it, once all of its output is here. */
  exit() {
    return within(this.#exit, "exit of the program", () => this.#transcript());
  }

  /** The match of `pattern` in what it has printed, as soon as there is one. */
  printed(pattern) {
    return this.#saw("stdout", pattern);
  }

  /** The same on standard error. */
  complained(pattern) {
    return this.#saw("stderr", pattern);
  }

  #saw(stream, pattern) {
    const match = new Promise((resolve, reject) => {
      this.#onOutput = () => {
        const found = pattern.exec(this[stream]);
        if (found) resolve(found);
      };
      this.#onOutput();
      const gone = () => reject(new Error(`the program ended before it printed ${pattern}${this.#transcript()}`));
      this.#exit.then(gone, reject);
    });
    return within(match, `output like ${pattern}`, () => this.#transcript());
  }

  #transcript() {
    return `\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
  }
}
