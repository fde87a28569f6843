import assert from "node:assert/strict";
import { test } from "node:test";
import { cellOf, describeCell, summarize, tableOf } from "../../../static/js/plots/cells.js";
import { KIND } from "../../../static/js/plots/scale.js";

const trace = (z, meta = {}) => ({
  z: z.map((row) => Float32Array.from(row)),
  x: [0, 50],
  y: [1, 2],
  meta: { role: "gradient", reference: [-1, -1], along: "x", floor: null, future: false, ...meta },
});

test("a cell says where it is, how large, and its ratio", () => {
  assert.equal(describeCell("hidden_gradient_norm", trace([[-7.5, -3], [-1, -1]]), 0, 0), "step 0, t 1: 10^−7.5, ratio 10^−6.5");
});

for (const [value, words] of [[-Infinity, "exact zero"], [NaN, "not finite"], [Infinity, "not finite"]]) {
  test(`${value} is said to be ${words}`, () => {
    assert.equal(describeCell("hidden_gradient_norm", trace([[value, 0], [0, 0]]), 0, 0), `step 0, t 1: ${words}`);
  });
}

test("the future of a loss is not called NaN", () => {
  const credit = trace([[0, NaN], [0, 0]], { future: true, along: "y" });
  assert.equal(cellOf(credit, 0, 1).kind, KIND.UNDEFINED);
});

test("at the floor of its row a cell is below resolution", () => {
  assert.equal(cellOf(trace([[-40, 0], [0, 0]], { floor: [-30, -30] }), 0, 0).kind, KIND.BELOW);
});

test("the summary goes from the last time step to the first", () => {
  const words = summarize("Gradient", trace([[-13, -13], [-0.5, -0.5]]), 1);
  assert.equal(words, "Gradient: at step 50 the gradient norm goes from 0.316 at the last time step to 10^−13 at the first");
});

test("a table has the last time step first and words for special cells", () => {
  const figure = { data: [trace([[-Infinity, -3], [0, 0]])], layout: { meta: { figure: "hidden_gradient_norm" } } };
  const { head, rows } = tableOf(figure, 50);
  assert.deepEqual(head, ["t", "step 0", "step 50"]);
  assert.deepEqual(rows, [["2", "1", "1"], ["1", "exact zero", "10^−3"]]);
});

test("a table of lines names each and keeps what is not finite", () => {
  const figure = { data: [{ name: "loss", x: [0, 1], y: [0.25, NaN], meta: { role: "loss" } }], layout: {} };
  assert.deepEqual(tableOf(figure, 50).rows, [["loss", "0", "0.25"], ["loss", "1", "not finite"]]);
});

test("a table of lines is headed by their axes", () => {
  const line = { name: "gain", x: [0], y: [1], meta: {} };
  const layout = { xaxis: { title: { text: "distance d" } }, yaxis: { title: { text: "log<sub>10</sub> φ<sup>d</sup> &lt; b" } } };
  assert.deepEqual(tableOf({ data: [line], layout }, 50).head, ["", "distance d", "log10 φ^d < b"]);
  const second = { ...line, yaxis: "y2" };
  assert.deepEqual(tableOf({ data: [line, second], layout }, 50).head, ["", "distance d", "y"]);
});

test("a table has so many rows at most, the first and the last among them", () => {
  const figure = { data: [{ x: Array.from({ length: 90 }, (_, i) => i), y: new Array(90).fill(1) }], layout: {} };
  const { rows } = tableOf(figure, 50);
  assert.deepEqual([rows.length, rows[0][1], rows[49][1]], [50, "0", "89"]);
  const tall = { data: [trace(Array.from({ length: 90 }, () => [0, 0]), { reference: 0 })], layout: {} };
  tall.data[0].y = Array.from({ length: 90 }, (_, i) => i + 1);
  const times = tableOf(tall, 50).rows.map((row) => row[0]);
  assert.deepEqual([times.length, times[0], times[49]], [50, "90", "1"]);
});

test("a table of the decay writes powers as a heatmap's does", () => {
  const line = { name: "measured", x: [0, 1], y: [0, -7.2], meta: { role: "measured" } };
  const { rows } = tableOf({ data: [line], layout: { meta: { figure: "decay" } } }, 50);
  assert.deepEqual(rows.map((row) => row[2]), ["1", "10^−7.2"]);
});

test("a map of shares is a table of its rows, too", () => {
  const shares = { ...trace([[0.25, 0], [1, 0.5]], { role: "share" }), type: "heatmap" };
  const { head, rows } = tableOf({ data: [shares], layout: {} }, 50);
  assert.deepEqual(head, ["y", "x 0", "x 50"]);
  assert.deepEqual(rows, [["2", "1", "0.5"], ["1", "0.25", "0"]]);
});

test("a grid of words is a table of its words", () => {
  const grid = { type: "heatmap", z: [[0, 1]], x: [0, 1], y: [0], text: [["0.1", "0.2"]], meta: { role: "cells" } };
  const layout = { xaxis: { ticktext: ["tanh", "relu"] }, yaxis: { ticktext: ["8"] } };
  assert.deepEqual(tableOf({ data: [grid], layout }, 50), { head: ["", "tanh", "relu"], rows: [["8", "0.1", "0.2"]] });
});

test("names that are written for Plotly are read as they were given", () => {
  const line = { name: "a &lt; b &amp;lt; &amp; c", x: [0], y: [1], meta: { role: "loss" } };
  assert.equal(tableOf({ data: [line], layout: {} }, 50).rows[0][0], "a < b &lt; & c");
  const columns = { ...trace([[-1, -2]]), customdata: [["tanh, &lt;b&gt;", "relu"]] };
  assert.match(describeCell("activation_comparison", columns, 0, 0), /^tanh, <b>, t 1: /);
});
