import assert from "node:assert/strict";
import { test } from "node:test";
import { createCourse, levelsOf, stepAt } from "../../../static/js/pages/compare_course.js";

const figure = (latest, x, losses) => ({ layout: { meta: { latest, recent_losses: losses } }, data: [{ x, z: [], meta: { role: "gradient" } }] });
const runs = [{ id: "fast", every: 10 }, { id: "slow", every: 10 }];

function course(view = {}) {
  let now = { step: null, align: "loss", loss: null, ...view };
  const state = { get: () => now, set: (changes) => (now = { ...now, ...changes }) };
  const one = createCourse(state, runs);
  one.put(runs[0], figure(30, [0, 10, 20, 30], [null, 1, 0.1, 0.01]));
  one.put(runs[1], figure(30, [0, 10, 20, 30], [null, 1, 0.9, 0.5]));
  return { one, state };
}

test("levels go from where runs begin down to the lowest loss of all", () => {
  const levels = levelsOf([[NaN, 1, 0.1], [2, 0.5]]);
  assert.equal(levels[0], 2);
  assert.equal(levels.at(-1), 0.1);
  assert.ok(levels.every((level, i) => i === 0 || level < levels[i - 1]));
});

test("losses that are no numbers make no level", () => assert.deepEqual(levelsOf([[NaN, Infinity], []]), []));
test("one loss is one level", () => assert.deepEqual(levelsOf([[0.5, 0.5]]), [0.5]));

test("a level is where a run first comes down to it", () => {
  assert.equal(stepAt([0, 10, 20], [NaN, 0.5, 0.2], 0.3), 20);
  assert.equal(stepAt([0, 10, 20], [NaN, 0.5, 0.2], 0.1), null);
});

test("at one loss each run is at a step of its own", () => {
  const { one } = course({ loss: 0.9 });
  assert.deepEqual(runs.map(one.stepOf), [20, 20]);
  assert.deepEqual(one.query(), { of_step: [20, 20] });
  assert.deepEqual(one.query(true), { align: "loss" });
});

test("a run that never gets so low shows its last step, and says so", () => {
  const { one } = course({ loss: 0.01 });
  assert.deepEqual(runs.map(one.stepOf), [30, 30]);
  assert.deepEqual(runs.map(one.reached), [true, false]);
});

test("the scrubber's position is the level, and choosing one puts the loss into the view", () => {
  const { one, state } = course();
  assert.equal(one.position(), null);
  one.choose(0);
  assert.equal(state.get().loss, 1);
  assert.equal(one.position(), 0);
  assert.equal(one.words(0), "loss 1");
  assert.equal(one.positions().length, 50);
});

test("by step all runs are at one step", () => {
  const { one, state } = course({ align: "step", step: 10 });
  assert.deepEqual(one.positions(), [0, 10, 20, 30]);
  assert.deepEqual(runs.map(one.stepOf), [10, 10]);
  one.choose(20);
  assert.deepEqual([state.get().step, one.query()], [20, { step: 20 }]);
  assert.deepEqual(one.query(true), {}); // a map has every step
});

test("a click on a run's own picture is the level that it has there", () => {
  const { one } = course();
  assert.equal(one.positionOf(runs[0], 30), 49);
  assert.equal(one.positionOf(runs[0], 10), 0);
});
