import assert from "node:assert/strict";
import { test } from "node:test";
import { barOf, boundOf, leftAfter, sentenceOf, timesOf } from "../../../static/js/pages/chain.js";

test("a cell of a matrix is the loss of its row and the state of its column", () => {
  assert.deepEqual(timesOf({ x: 3, y: 9, z: -4 }), { loss_time: 9, state_time: 3 });
});

test("a pooled cell is the chain of its middle, from the first state on", () => {
  assert.deepEqual(timesOf({ x: 0.5, y: 8.6, z: -4 }), { loss_time: 9, state_time: 1 });
});

test("the future has no chain", () => assert.equal(timesOf({ x: 10, y: 9, z: NaN }), null));
test("but for a layer that reads backwards", () => assert.deepEqual(timesOf({ x: 10, y: 9, z: -1 }), { loss_time: 9, state_time: 10 }));

const chain = {
  loss_time: 9,
  state_time: 3,
  lag: 6,
  parameter: "weight_hh_l0",
  walls: [],
  term: { log10_norm: -4 },
  arriving: { state_time: [9, 8], log10_norm: [-1, -1.5] },
};

for (const [changes, words] of [
  [{}, /t = 9 tells weight_hh_l0 through the state at k = 3, 6 steps back: \|-4\|\.\| The state itself is told \|-1\.5\|\.$/],
  [{ lag: 1 }, /1 step back/],
  [{ lag: -2 }, /2 steps on/],
  [{ lag: 0, arriving: { state_time: [], log10_norm: [] } }, /at the same time: \|-4\|\.$/],
  [{ walls: [5] }, /nothing, since truncation cuts the way after t = 5/],
  [{ term: { log10_norm: "-Infinity" } }, /exactly zero/],
]) {
  test(`a chain with ${JSON.stringify(changes)} reads ${words}`, () => assert.match(sentenceOf({ ...chain, ...changes }).join("|"), words));
}

const factors = [
  { name: "loss_by_prediction", log10_norm: -1 },
  { name: "prediction_by_logits", log10_norm: 0 },
  { name: "logits_by_state", log10_norm: 0.25 },
  { name: "state_by_state", log10_norm: -0.25 },
  { name: "state_by_parameter", log10_norm: 1 },
];
const product = { factors, lag: 1, is_product: true, walls: [] };

test("what is left of the gradient stands behind the factors that end at a state", () =>
  assert.deepEqual(leftAfter({ factors, arriving: chain.arriving }), [undefined, undefined, -1, -1.5, undefined]));
test("nothing is left on the way of a read-out's parameter", () =>
  assert.deepEqual(leftAfter({ factors: factors.slice(0, 2), arriving: { state_time: [], log10_norm: [] } }), [undefined, undefined]));
test("norms multiply to a bound on the term", () => assert.equal(boundOf(product)[1], 0));
test("of matrices at one time the term is the product", () => assert.match(boundOf({ ...product, lag: 0 }).join(""), /is the product/));
test("a lower layer's term is more than a product", () => assert.match(boundOf({ ...product, is_product: false }).join(""), /more than this product/));
test("behind a wall there is no product", () => assert.deepEqual(boundOf({ ...product, walls: [2] }), []));

for (const [log10, kind, share] of [[-1, "shrinks", 0.5], [0.5, "grows", 0.25], [-40, "shrinks", 1], [-Infinity, "shrinks", 1], [Infinity, "grows", 1], [NaN, "none", 0]]) {
  test(`a factor of 10 to the ${log10} ${kind} by ${share} of the bar`, () => assert.deepEqual(barOf(log10), { kind, share }));
}
