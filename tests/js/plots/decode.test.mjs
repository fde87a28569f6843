import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFigure, unpack } from "../../../static/js/plots/decode.js";

const pack = (array, dtype, shape) => ({ dtype, bdata: Buffer.from(array.buffer).toString("base64"), ...(shape ? { shape } : {}) });

test("a packed row keeps its bits, infinities and NaN included", () => {
  const row = Float32Array.of(1.5, -Infinity, NaN, Infinity);
  assert.deepEqual(unpack(pack(row, "f4")), row);
});

test("a packed plane becomes rows", () => {
  const rows = unpack(pack(Float64Array.of(1, 2, 3, 4, 5, 6), "f8", "2, 3"));
  assert.deepEqual(rows.map((row) => Array.from(row)), [[1, 2, 3], [4, 5, 6]]);
});

test("integers of every width are read", () => {
  assert.deepEqual(Array.from(unpack(pack(Int16Array.of(-3, 300), "i2"))), [-3, 300]);
  assert.deepEqual(Array.from(unpack(pack(Uint8Array.of(0, 255), "u1"))), [0, 255]);
});

test("a figure's arrays are decoded and the rest is left alone", () => {
  const figure = { data: [{ type: "heatmap", z: pack(Float32Array.of(0, 1), "f4", "1, 2"), meta: { role: "gradient" } }], layout: { a: 1 } };
  const decoded = decodeFigure(figure);
  assert.deepEqual(Array.from(decoded.data[0].z[0]), [0, 1]);
  assert.deepEqual(decoded.data[0].meta, { role: "gradient" });
  assert.equal(decoded.layout, figure.layout);
});

test("null in a plain list is not a number", () => {
  const decoded = decodeFigure({ data: [{ z: [[1, null]] }], layout: {} });
  assert.ok(Number.isNaN(decoded.data[0].z[0][1]));
});
