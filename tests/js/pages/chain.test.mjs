import assert from "node:assert/strict";
import { test } from "node:test";
import { barOf, sentenceOf, timesOf } from "../../../static/js/pages/chain.js";

test("a cell of a matrix is the loss of its row and the state of its column", () => {
  assert.deepEqual(timesOf({ x: 3, y: 9, z: -4 }), { loss_time: 9, state_time: 3 });
});

test("a pooled cell is the chain of its middle, from the first state on", () => {
  assert.deepEqual(timesOf({ x: 0.5, y: 8.6, z: -4 }), { loss_time: 9, state_time: 1 });
});

test("the future has no chain", () => assert.equal(timesOf({ x: 10, y: 9, z: NaN }), null));
test("but for a layer that reads backwards", () => assert.deepEqual(timesOf({ x: 10, y: 9, z: -1 }), { loss_time: 9, state_time: 10 }));

const chain = { loss_time: 9, state_time: 3, lag: 6, parameter: "weight_hh_l0", walls: [], term: { log10_norm: -4 } };

for (const [changes, words] of [
  [{}, /t = 9 tells weight_hh_l0 through the state at k = 3, 6 steps back: 10\^−4, the product/],
  [{ lag: 1 }, /1 step back/],
  [{ lag: -2 }, /2 steps on/],
  [{ lag: 0 }, /at the same time/],
  [{ walls: [5] }, /nothing, since truncation cuts the way after t = 5/],
  [{ term: { log10_norm: "-Infinity" } }, /exactly zero/],
]) {
  test(`a chain with ${JSON.stringify(changes)} reads ${words}`, () => assert.match(sentenceOf({ ...chain, ...changes }), words));
}

for (const [log10, kind, share] of [[-1, "shrinks", 0.5], [0.5, "grows", 0.25], [-40, "shrinks", 1], [-Infinity, "shrinks", 1], [Infinity, "grows", 1], [NaN, "none", 0]]) {
  test(`a factor of 10 to the ${log10} ${kind} by ${share} of the bar`, () => assert.deepEqual(barOf(log10), { kind, share }));
}
