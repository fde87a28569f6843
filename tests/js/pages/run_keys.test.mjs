import assert from "node:assert/strict";
import { test } from "node:test";
import { neighbour } from "../../../static/js/pages/run_keys.js";

for (const [range, by, next] of [[8, 1, 16], [8, -1, 4], [16, 1, 16], [4, -1, 4]]) {
  test(`from ${range} decades a key goes ${by} to ${next}`, () => assert.equal(neighbour(range, by), next));
}
