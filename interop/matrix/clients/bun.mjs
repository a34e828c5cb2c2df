// Bun as a client: `bun bun.mjs URL FRAGMENTS-URL`.

import { runWeb } from "./web.mjs";

const report = (line) => console.log(JSON.stringify(line));
report({ peer: `Bun ${Bun.version}` });
await runWeb(WebSocket, process.argv.slice(2), report);
process.exit();
