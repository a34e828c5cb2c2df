// `longwire proxy`.

import { Program } from "./program.mjs";

/** Started in front of the endpoint `url`, with its page; ended when the test `t` is over. `args` are more arguments. */
export async function proxy(t, url, ...more) {
  return start(t, url, 0, 0, more);
}

async function start(t, url, port, pagePort, more) {
  const args = ["proxy", "--listen", `127.0.0.1:${port}`, "--page", `127.0.0.1:${pagePort}`, url, ...more];
  const program = new Program(t, args);
  const [, address] = await program.complained(/^proxy\s+(ws:\S+)/m);
  const [, page] = await program.complained(/^page\s+(http:\S+)/m);
  return {
    /** Where clients connect. */
    url: address,
    /** The page that shows what passes. */
    page,
    program,
    end: async () => {
      program.terminate();
      await program.exit();
    },
    /** The same again, at the same addresses. */
    startAgain: () => start(t, url, new URL(address).port, new URL(page).port, more),
  };
}
