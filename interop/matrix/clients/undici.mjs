// Node's undici as a client: `node undici.mjs URL FRAGMENTS-URL`.

import { createRequire } from "node:module";
import { WebSocket } from "undici";

import { runWeb } from "./web.mjs";

const { version } = createRequire(import.meta.url)("undici/package.json");
const report = (line) => console.log(JSON.stringify(line));
report({ peer: `undici ${version} on Node ${process.versions.node}` });
await runWeb(WebSocket, process.argv.slice(2), report);
process.exit();
