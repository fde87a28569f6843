import assert from "node:assert/strict";
import { test } from "node:test";
import { indexOfStep, recordedSteps } from "../../../static/js/plots/scrubber.js";

test("recorded are 0, every, and the last one", () => {
  assert.deepEqual(recordedSteps(50, 120), [0, 50, 100, 120]);
  assert.deepEqual(recordedSteps(50, 100), [0, 50, 100]);
  assert.deepEqual(recordedSteps(7, 0), [0]);
  assert.deepEqual(recordedSteps(7, null), []);
});

for (const [wanted, index] of [[null, 3], [0, 0], [49, 0], [50, 1], [119, 2], [120, 3], [999, 3], [-1, 0]]) {
  test(`step ${wanted} is shown by frame ${index}`, () => assert.equal(indexOfStep([0, 50, 100, 120], wanted), index));
}
