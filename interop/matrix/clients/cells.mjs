// What a client is asked to do, and how it tells what came of it: a line of JSON for each cell of the matrix.

/** The text of the cell `text`: one, two, three and four bytes of UTF-8 a character. */
export const TEXT = "text, κόσμε, 世界, 🦀";

export const MEGABYTE = 1 << 20;

/** Bytes of which no two neighbours are equal. */
export function bytes(length) {
  return Uint8Array.from({ length }, (_, place) => (place * 31 + (place >> 8)) & 255);
}

/** Text that compresses. */
export const LONG_TEXT = "all work and no play makes a dull test. ".repeat(500);

/**
 * Runs one cell after the other; a cell throws if it fails. It returns a string to say why it does not apply, and
 * `{ partly }` to say why not all of it could be done.
 */
export async function run(cells, report) {
  for (const [cell, check] of Object.entries(cells)) {
    try {
      const why = await within(30_000, check());
      report(typeof why === "string" ? { cell, ok: null, why } : { cell, ok: true, why: why?.partly });
    } catch (error) {
      report({ cell, ok: false, why: String(error?.message ?? error) });
    }
  }
}

export function expect(found, wanted) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`found ${shown(a)}, wanted ${shown(b)}`);
}

export function expectBytes(found, wanted) {
  const same = found.length === wanted.length && wanted.every((byte, place) => found[place] === byte);
  if (!same) throw new Error(`found ${found.length} other bytes than the ${wanted.length} that were sent`);
}

function shown(text) {
  return text?.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function within(milliseconds, promise) {
  return Promise.race([
    promise,
    new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`not within ${milliseconds / 1000} s`)), milliseconds);
    }),
  ]);
}
