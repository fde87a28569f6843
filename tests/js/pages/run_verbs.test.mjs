import assert from "node:assert/strict";
import { test } from "node:test";
import { takeBack } from "../../../static/js/pages/run_verbs.js";

/** A run that goes through these states, one at each look, and what was asked of it. */
function world(states) {
  const asked = [];
  let looks = 0;
  return {
    asked,
    looks: () => looks,
    getJson: async () => ({ status: states[Math.min(looks++, states.length - 1)] }),
    post: async (path) => asked.push(path),
    later: async () => {},
  };
}

test("a pause is taken back as soon as the run has paused", async () => {
  const one = world(["running", "running", "paused"]);
  assert.equal(await takeBack("a", "resume", ["paused"], one), null);
  assert.deepEqual(one.asked, ["/runs/a/resume"]);
  assert.equal(one.looks(), 3);
});

test("a run that is over meanwhile is left alone, and its state told", async () => {
  const one = world(["running", "succeeded"]);
  assert.equal(await takeBack("a", "resume", ["paused"], one), "succeeded");
  assert.deepEqual(one.asked, []);
});

test("a run that never gets there is given up on", async () => {
  const one = world(["running"]);
  assert.match(await takeBack("a", "resume", ["paused"], one), /expected/);
  assert.deepEqual(one.asked, []);
});
