import assert from "node:assert/strict";
import { test } from "node:test";
import { present } from "../../../static/js/plots/view.js";

const colors = new Proxy({}, { get: (_, name) => `<${String(name)}>` });
const heatmap = (z, more = {}) => ({
  type: "heatmap",
  z: z.map((row) => Float32Array.from(row)),
  x: [0, 10],
  y: [1, 2],
  meta: { role: "gradient", reference: [-1, -2], along: "x", floor: null, future: false, ...more },
});
const layout = (name, more = {}) => ({ meta: { figure: name, ...more }, title: { text: "T" }, xaxis: { range: [0, 10] }, yaxis: {}, shapes: [], annotations: [] });
const view = { mode: "ratio", range: 8, colors };

test("ratio subtracts, magnitude does not, and neither touches what came", () => {
  const figure = { data: [heatmap([[-3, -4], [-1, -2]])], layout: layout("hidden_gradient_norm") };
  const ratio = present(figure, view).data[0];
  const magnitude = present(figure, { ...view, mode: "magnitude" }).data[0];
  assert.deepEqual(ratio.z.map((row) => Array.from(row)), [[-2, -2], [0, 0]]);
  assert.deepEqual([ratio.zmin, ratio.zmax], [-8, 8]);
  assert.deepEqual(magnitude.z.map((row) => Array.from(row)), [[-3, -4], [-1, -2]]);
  assert.deepEqual([magnitude.zmin, magnitude.zmax], [-12, 4]);
  assert.deepEqual(Array.from(figure.data[0].z[0]), [-3, -4]);
});

test("the range is fixed by the reader and never by the data", () => {
  const figure = { data: [heatmap([[900, -900]])], layout: layout("hidden_gradient_norm") };
  const shown = present(figure, { ...view, range: 4 }).data[0];
  assert.deepEqual([shown.zmin, shown.zmax], [-4, 4]);
});

test("parts get the colours of the theme by what they are", () => {
  const roles = ["zero", "nonfinite", "loss", "measured", "bound"];
  const data = roles.map((role) => ({ type: "scatter", x: [], y: [], line: {}, fillpattern: {}, meta: { role } }));
  const [zero, nonfinite, loss, measured, bound] = present({ data, layout: layout("decay") }, view).data;
  assert.equal(zero.fillpattern.bgcolor, "<hatch>");
  assert.equal(nonfinite.fillpattern.bgcolor, "<nan>");
  assert.notEqual(nonfinite.fillpattern.bgcolor, zero.fillpattern.bgcolor);
  assert.deepEqual([loss.line.color, measured.line.color, bound.line.color], ["<text>", "<vanishing>", "<exploding>"]);
});

test("what has no role of its own keeps its colour or gets its twin on a dark ground", () => {
  const drawn = { type: "scatter", line: { color: "#7a4fa3", width: 2 }, marker: { color: "#123456" }, meta: {} };
  const shownIn = (twins) => present({ data: [drawn], layout: layout("parameter_gradient_norm") }, { ...view, colors: { twins } }).data[0];
  assert.deepEqual(shownIn({ "#7a4fa3": "#b794e6" }).line, { color: "#b794e6", width: 2 });
  assert.deepEqual(shownIn({ "#7a4fa3": "#b794e6" }).marker, { color: "#123456" });
  assert.deepEqual(shownIn({}).line, drawn.line);
  assert.equal(drawn.line.color, "#7a4fa3");
});

test("a mark of exact zeros is no area: it gets a twin, too", () => {
  const mark = { type: "scatter", mode: "markers", marker: { color: "#b3261e" }, meta: { role: "zero" } };
  const shown = present({ data: [mark], layout: layout("activation_product") }, { ...view, colors: { twins: { "#b3261e": "#ff6f78" } } }).data[0];
  assert.equal(shown.marker.color, "#ff6f78");
});

test("the reach line can be left out", () => {
  const data = [{ type: "scatter", line: {}, meta: { role: "reach" } }];
  assert.equal(present({ data, layout: layout("hidden_gradient_norm") }, { ...view, reach: false }).data[0].visible, false);
});

test("without the log the loss strip starts at zero", () => {
  const figure = { data: [], layout: { ...layout("hidden_gradient_norm"), yaxis2: { type: "log", range: [-1, 0], tickvals: [1] } } };
  const { yaxis2 } = present(figure, { ...view, log: false }).layout;
  assert.deepEqual([yaxis2.type, yaxis2.range, yaxis2.tickvals], ["linear", [0, 1], undefined]);
});

test("units by index are put back, their masks too", () => {
  const data = [
    { ...heatmap([[5, 5], [7, 7], [9, 9]], { reference: 0, along: null }), y: [0, 1, 2], customdata: [[2], [0], [1]] },
    { type: "scatter", fill: "toself", x: [0, 1, 1, 0, 0], y: [-0.5, -0.5, 1.5, 1.5, -0.5], line: {}, fillpattern: {}, meta: { role: "zero" } },
  ];
  const shown = present({ data, layout: layout("hidden_gradient", { order: [2, 0, 1] }) }, { ...view, order: "index" });
  assert.deepEqual(shown.data[0].z.map((row) => row[0]), [7, 9, 5]);
  assert.deepEqual(shown.data[0].customdata.map((row) => row[0]), [0, 1, 2]);
  const heights = shown.data[1].y.filter((value) => !Number.isNaN(value));
  assert.deepEqual([...new Set(heights)].sort(), [-0.5, 0.5, 1.5, 2.5]);
});

test("times of four digits have room beside the axis's title, and ticks of any form are taken", () => {
  const left = (yaxis) => present({ data: [], layout: { ...layout("hidden_gradient"), yaxis } }, view).layout.margin.l;
  const usual = left({});
  assert.ok(left({ tickvals: [1, 2000] }) > usual);
  assert.equal(left({ tickvals: [1, 200] }), usual);
  assert.equal(left({ tickvals: [1, 2000], ticktext: ["a", "b"] }), usual);
  assert.equal(left({ tickvals: { dtype: "f8", bdata: "" } }), usual);
});

test("a long number of a loss has room beside the axis's title", () => {
  const loss = (ticktext) => ({ ...layout("hidden_gradient_norm"), yaxis2: { title: { text: "loss" }, ticktext } });
  const left = (ticktext) => present({ data: [], layout: loss(ticktext) }, view).layout.margin.l;
  assert.equal(left(["0.1", "1000", "10<sup>37</sup>"]), left(undefined));
  assert.ok(left(["8·10<sup>37</sup>"]) > left(["1000"]));
});

test("labels in two lines, and the words of a sweep, have their room", () => {
  const room = (name, axes) => present({ data: [], layout: { ...layout(name), ...axes } }, view).layout.margin;
  const below = (ticktext) => room("activation_comparison", { xaxis: { ticktext } }).b;
  assert.ok(below(["tanh", "relu<br>clipped"]) > below(["tanh", "relu"]));
  const left = (ticktext) => room("sweep_matrix", { yaxis: { ticktext, tickvals: [0] } }).l;
  assert.ok(left(["0.001"]) > left(["1"]));
  assert.equal(left(["a very long word of a choice"]), left(["a very long word of a choice, longer"]));
});
