// `longwire serve`.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { certificates } from "./environment.mjs";
import { Program } from "./program.mjs";

/**
 * Started and listening, on a free port unless one is given; ended when the test `t` is over.
 * `origins` are allowed beside its own; `tls` makes it https and wss; `config` is the text of its configuration; `args`
 * are more arguments.
 */
export async function serve(t, { port = 0, origins = [], tls = false, config, args: more = [] } = {}) {
  const args = ["serve", "--listen", `127.0.0.1:${port}`, ...more];
  if (config !== undefined) args.push("--config", file(t, config));
  for (const origin of origins) args.push("--origin", origin);
  if (tls) {
    const { cert, key } = certificates();
    args.push("--tls-cert", cert, "--tls-key", key);
  }
  const program = new Program(t, args);
  const [, page] = await program.printed(/^\s+page\s+(\S+)$/m);
  return new Server(program, new URL(page));
}

/** A file with this content, removed when the test `t` is over. */
function file(t, content) {
  const folder = mkdtempSync(join(tmpdir(), "longwire-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "longwire.toml");
  writeFileSync(path, content);
  return path;
}

class Server {
  #program;
  #page;

  constructor(program, page) {
    this.#program = program;
    this.#page = page;
  }

  get banner() {
    return this.#program.stdout;
  }

  get port() {
    return Number(this.#page.port);
  }

  /** The address of a page. */
  http(path = "/") {
    return new URL(path, this.#page).href;
  }

  /** The address of a WebSocket endpoint. */
  ws(path) {
    return this.http(path).replace(/^http/, "ws");
  }

  /** From now on, it does nothing, as a machine that hangs. */
  pause() {
    this.#program.pause();
  }

  /** Asks it to shut down; its exit code. */
  stop() {
    return this.#program.terminate().exit();
  }
}
