// Several nodes on Redis.

import { nodeTests } from "../support/node-tests.mjs";

nodeTests("redis");
