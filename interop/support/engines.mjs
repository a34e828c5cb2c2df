// Redis and NATS, started for a test.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Background, folder, freePort } from "./background.mjs";

/** Redis that keeps everything it has answered. `more` are further lines of its configuration. */
export async function redis(t, more = []) {
  const [dir, port] = [folder(t), await freePort()];
  const lines = [`port ${port}`, "bind 127.0.0.1", `dir ${dir}`, 'save ""', "appendonly yes", "appendfsync always"];
  const file = join(dir, "redis.conf");
  writeFileSync(file, [...lines, ...more, ""].join("\n"));
  const server = await new Background(t, ["redis-server", file], port).start();
  return Object.assign(server, { kind: "redis", url: (at = port) => `redis://127.0.0.1:${at}` });
}

/** NATS with JetStream, which stores so many bytes in files. `more` are further lines of its configuration. */
export async function nats(t, bytes = "512MB", more = []) {
  const [dir, port] = [folder(t), await freePort()];
  const file = join(dir, "nats.conf");
  const lines = [`listen: "127.0.0.1:${port}"`, `jetstream { store_dir: "${dir}", max_file_store: ${bytes} }`];
  writeFileSync(file, [...lines, ...more, ""].join("\n"));
  const server = await new Background(t, ["nats-server", "-c", file], port).start();
  return Object.assign(server, { kind: "nats", url: (at = port) => `nats://127.0.0.1:${at}` });
}

export const ENGINES = { redis, nats };

/** A Sentinel for the master at this port. */
export async function sentinel(t, masterPort) {
  const [dir, port] = [folder(t), await freePort()];
  const file = join(dir, "sentinel.conf");
  writeFileSync(
    file,
    [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${dir}`,
      `sentinel monitor cluster 127.0.0.1 ${masterPort} 1`,
      "sentinel down-after-milliseconds cluster 1000",
      "sentinel failover-timeout cluster 5000",
      "",
    ].join("\n"),
  );
  return new Background(t, ["redis-server", file, "--sentinel"], port).start();
}
