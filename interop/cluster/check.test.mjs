// What the tests of clusters would find.

import assert from "node:assert/strict";
import { test } from "node:test";

import { check } from "../support/cluster-load.mjs";

const seen = (...numbers) => numbers.map((number) => (number === "told" ? number : { data: number, offset: number + 10 }));

const ALL = new Set([1, 2, 3, 4]);

test("what is whole, or broken where the subscriber was told, is right", () => {
  check(seen(1, 2, 3, 4), ALL);
  check(seen("told", 3, 4), ALL);
  check(seen(1, "told", 3, 4, "told", 3, 4), ALL);
  check([{ data: 1, offset: 1 }, { data: 3, offset: 2 }], new Set([1, 3]));
});

test("what is missing, comes twice or in another order is found", () => {
  for (const wrong of [seen(1, 3, 4), seen(1, 2, 2, 3), seen(1, 3, 2, 4), seen("told", 1, 2, 4)]) {
    assert.throws(() => check(wrong, ALL), assert.AssertionError);
  }
  // The offsets go on, but a number that was acknowledged is not there; or it is there twice.
  assert.throws(() => check([{ data: 1, offset: 1 }, { data: 3, offset: 2 }], ALL), /2 was acknowledged/);
  assert.throws(() => check([{ data: 1, offset: 1 }, { data: 1, offset: 2 }], ALL), /order/);
});
