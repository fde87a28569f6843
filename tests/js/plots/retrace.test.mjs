import assert from "node:assert/strict";
import { test } from "node:test";
import { bordersOf, pathOf, retrace, widened } from "../../../static/js/plots/retrace.js";

const linear = (length) => ({ d2p: (value) => (value === null ? NaN : Number(value) * length) });

test("a line has a gap wherever there is no number", () => {
  const path = pathOf([0, 1, 2, 3, 4], [1, 2, NaN, 4, 5], linear(10), linear(1));
  assert.equal(path, "M0.00,1.00L10.00,2.00M30.00,4.00L40.00,5.00");
  assert.equal(pathOf([0, 1], [NaN, Infinity], linear(1), linear(1)), "");
});

test("columns meet half way, and the outer ones are as wide beyond as within", () => {
  assert.deepEqual(bordersOf([0, 2, 4]), [-1, 1, 3, 5]);
  assert.deepEqual(bordersOf(Float64Array.of(0, 2, 3)), [-1, 1, 2.5, 3.5]);
});

test("columns of unequal width have as many cells as pixels", () => {
  const [row] = widened([Float32Array.of(7, 8, 9)], [10, 12, 13.4, 14.6]);
  assert.deepEqual([...row], [7, 7, 8, 9, 9]);
});

test("what Plotly has not drawn yet is not for here", () => {
  assert.equal(retrace({}, { data: [], layout: {} }, { data: [], layout: {} }), false);
});
