import assert from "node:assert/strict";
import { test } from "node:test";
import { createFigures } from "../../../static/js/pages/run_figures.js";

const run = {
  id: "7",
  figures: {
    loss: { frames: "all", chooses: [], statistic: "loss", axes: ["step"], picked: false },
    hidden_gradient: { frames: "one", chooses: [], statistic: "hidden_gradient", axes: ["step", "layer", "time", "unit"], picked: false },
    path_gradient: { frames: "one", chooses: ["parameter"], statistic: "path_gradient", axes: ["step", "parameter", "loss_time", "state_time"], picked: false },
    hidden_gradient_norm: { frames: "all", chooses: ["losses"], statistic: "hidden_gradient_norm", axes: ["step", "layer", "time"], picked: true },
  },
};
const figuresAt = (view, layer = "1", asked = 1) =>
  createFigures({ ...run, asked, of_last: { statistic: "last_loss_gradient", axes: ["step", "layer", "state_time"] } }, { view: () => ({ step: null, mode: "ratio", range: 8, parameter: null, gate: null, ...view }), layer: () => layer });

test("a figure of all steps is asked for whole, whatever step is chosen", () => {
  assert.equal(figuresAt({ step: 50 }).query("loss").step, null);
  assert.equal(figuresAt({ step: 50 }).address("loss").final, false);
});

test("a figure of one step is asked for at that step, and does not change any more", () => {
  const { path, query, final } = figuresAt({ step: 50 }).address("hidden_gradient");
  assert.deepEqual([path, query.step, query.layer, final], ["/runs/7/figures/hidden_gradient", 50, "1", true]);
});

test("the newest frame may be followed by another", () => assert.equal(figuresAt({}).address("hidden_gradient").final, false));
test("the first layer is what the service shows unasked", () => assert.equal(figuresAt({}, "0").query("loss").layer, null));

test("only what a figure offers to choose is asked for", () => {
  const figures = figuresAt({ parameter: "weight_hh_l0", gate: "f" });
  assert.equal(figures.query("path_gradient").parameter, "weight_hh_l0");
  assert.ok(!("parameter" in figures.query("loss")));
  assert.ok(!("gate" in figures.query("path_gradient")));
});

test("the numbers are those of the step and layer that are drawn", () => {
  const at = (view, name) => new URL(figuresAt(view).data(name, "csv"), "http://x").searchParams;
  assert.deepEqual([at({ step: 50 }, "hidden_gradient").get("step"), at({}, "hidden_gradient").get("step")], ["50", "last"]);
  assert.equal(at({ step: 50 }, "hidden_gradient_norm").get("step"), null);
  assert.equal(at({}, "hidden_gradient").get("layer"), "1");
  assert.equal(at({}, "path_gradient").get("layer"), null);
});

test("a figure as a file is in the colours that are seen", () => {
  const query = new URL(figuresAt({ mode: "magnitude", range: 16 }).page("hidden_gradient"), "http://x").searchParams;
  assert.deepEqual([query.get("mode"), query.get("range"), query.get("format")], ["magnitude", "16", "html"]);
});

test("of many losses the map is of the last one, unless all of them are wanted", () => {
  const asked = (view) => figuresAt(view, "1", 40).query("hidden_gradient_norm").losses;
  assert.deepEqual([asked({}), asked({ losses: "last" }), asked({ losses: "all" })], ["last", "last", "all"]);
});

test("where there is one loss there is nothing to choose", () => {
  assert.equal(figuresAt({ losses: "all" }).query("hidden_gradient_norm").losses, null);
  assert.equal(figuresAt({ losses: "last" }).losses(), null);
});

test("the numbers of the last loss's map are those of its own statistic", () => {
  const data = (view) => new URL(figuresAt(view, "1", 40).data("hidden_gradient_norm", "csv"), "http://x");
  assert.match(data({}).pathname, /last_loss_gradient$/);
  assert.equal(data({}).searchParams.get("losses"), null);
  assert.match(data({ losses: "all" }).pathname, /hidden_gradient_norm$/);
});
