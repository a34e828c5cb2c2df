// Several nodes on NATS.

import { nodeTests } from "../support/node-tests.mjs";

nodeTests("nats");
