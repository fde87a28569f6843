import assert from "node:assert/strict";
import { test } from "node:test";
import { colorsOf, onlyCells, remembered, repaint, same } from "../../../static/js/plots/repaint.js";

const rows = (...numbers) => numbers.map((row) => Float32Array.from(row));
const figure = (change = {}) => ({
  data: [
    { type: "heatmap", z: rows([1, 2], [3, 4]), x: Float64Array.of(1, 2), zmin: 0, zmax: 4, meta: { reference: 1 }, ...change.heatmap },
    { type: "scatter", x: [], y: [], ...change.mask },
  ],
  layout: { xaxis: { range: [0, 3], title: { text: "t" } }, meta: { step: 4 }, ...change.layout },
});

test("numbers, lists and records are the same by what they hold", () => {
  assert.ok(same({ a: [1, NaN, { b: null }] }, { a: [1, NaN, { b: null }] }));
  assert.ok(same(Float32Array.of(1, 2), Float32Array.of(1, 2)));
  for (const [a, b] of [[[1], [2]], [[1], [1, 2]], [{ a: 1 }, { b: 1 }], [{ a: undefined }, {}], [null, {}], [[1], Float32Array.of(1)], ["1", 1]]) assert.ok(!same(a, b));
});

test("new numbers, their references and names are cells alone", () => {
  const cells = { z: rows([9, 9], [9, NaN]), meta: { reference: 7 }, customdata: [1] };
  assert.equal(onlyCells(remembered(figure()), figure({ heatmap: cells, layout: { meta: { step: 6 } } })), 0);
});

test("whatever is drawn around cells is more than cells", () => {
  const changes = [
    { heatmap: { x: Float64Array.of(1, 2, 3) } },
    { heatmap: { zmax: 8 } },
    { mask: { x: [1, 2], y: [1, 2] } },
    { layout: { xaxis: { range: [0, 4], title: { text: "t" } } } },
    { layout: { annotations: [{ text: "beyond" }] } },
  ];
  for (const change of changes) assert.equal(onlyCells(remembered(figure()), figure(change)), -1);
});

test("two heatmaps, or another number of traces, are not for here", () => {
  const two = figure({ mask: { type: "heatmap", z: rows([1]) } });
  assert.equal(onlyCells(remembered(two), two), -1);
  const one = figure();
  assert.equal(onlyCells(remembered(one), { ...one, data: one.data.slice(0, 1) }), -1);
});

test("what is remembered does not change with what Plotly writes into it", () => {
  const given = figure();
  const before = remembered(given);
  given.layout.xaxis.range[1] = 99;
  given.data[0].uid = "1";
  assert.equal(onlyCells(before, figure()), 0);
});

test("colours are mixed between the anchors, clamped, and clear where there is no number; the first row is below", () => {
  const scale = { zmin: 0, zmax: 2, colorscale: [[0, "#000000"], [0.5, "#ff0000"], [1, "#ffffff"]] };
  const colors = [...colorsOf(rows([0, 1, 2], [0.5, 1.5, -7], [NaN, Infinity, 9]), scale)];
  const cells = Array.from({ length: 9 }, (_, i) => colors.slice(4 * i, 4 * i + 4));
  assert.deepEqual(cells, [
    [0, 0, 0, 0], [0, 0, 0, 0], [255, 255, 255, 255],
    [128, 0, 0, 255], [255, 128, 128, 255], [0, 0, 0, 255],
    [0, 0, 0, 255], [255, 0, 0, 255], [255, 255, 255, 255],
  ]);
});

test("a map that was drawn without a single number is left to Plotly", () => {
  const axis = { type: "linear", range: [0, 1] };
  const image = { style: { imageRendering: "pixelated" } };
  // As Plotly keeps what it has no cells of.
  const calcdata = [[{ x: undefined, y: undefined }]];
  const element = { querySelector: () => image, calcdata, _fullData: [{}], _fullLayout: { xaxis: axis, yaxis: axis } };
  const data = [{ type: "heatmap", z: [[NaN]], colorscale: [[0, "#000000"], [1, "#ffffff"]] }];
  assert.equal(repaint(element, 0, { data, layout: {} }), false);
});
