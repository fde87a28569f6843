import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as scale from "../../../static/js/plots/scale.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/scale.json", import.meta.url)));
const bits = (values) => Array.from(Float32Array.from(values));

for (const vector of vectors.ratio) {
  test(`ratio of the shared vectors: ${vector.what}`, () => {
    const along = Array.isArray(vector.reference) ? "x" : null;
    const rows = [Float32Array.from(vector.log10.map(scale.number))];
    const [found] = scale.shownRows(rows, { reference: vector.reference, along }, "ratio");
    assert.deepEqual(Array.from(found), bits(vector.is.map(scale.number)));
  });
}

for (const vector of vectors.kinds) {
  test(`kinds of the shared vectors: ${vector.what}`, () => {
    const floor = vector.floor === null ? null : scale.number(vector.floor);
    const found = vector.log10.map((value, i) => scale.kind(scale.number(value), floor, vector.undefined[i]));
    assert.deepEqual(found, vector.is);
  });
}

for (const vector of vectors.clamp) {
  test(`clamp of the shared vectors: ${vector.what}`, () => {
    const found = vector.log10.map((value) => scale.clamp(scale.number(value), ...vector.limits));
    assert.deepEqual(found, vector.is.map(scale.number));
  });
}

for (const vector of vectors.limits) {
  test(`limits of the shared vectors: ${vector.mode} ±${vector.range}`, () => {
    assert.deepEqual(scale.limits(vector.mode, vector.range), vector.is);
  });
}

test("the colours are those of the service's figures", () => {
  assert.deepEqual(scale.ANCHORS, vectors.anchors);
});

test("the legend's gradients are made of the same colours", () => {
  const tokens = readFileSync(new URL("../../../static/css/tokens.css", import.meta.url), "utf8");
  for (const mode of ["ratio", "magnitude"]) {
    const [, body] = tokens.match(new RegExp(`--map-${mode}: linear-gradient\\(([^)]*)\\)`));
    assert.deepEqual(body.match(/#[0-9a-f]{6}/g), vectors.anchors[mode]);
  }
});

test("a reference along y belongs to the row", () => {
  const rows = [Float32Array.of(1, 2), Float32Array.of(3, 5)];
  const found = scale.shownRows(rows, { reference: [1, 3], along: "y" }, "ratio");
  assert.deepEqual(found.map((row) => Array.from(row)), [[0, 1], [0, 2]]);
});

test("magnitude shows the rows as they came", () => {
  const rows = [Float32Array.of(1)];
  assert.equal(scale.shownRows(rows, { reference: 0, along: null }, "magnitude"), rows);
});
