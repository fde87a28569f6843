// The comparison: gradient by activation at one training step, and the heatmap of every run, all on one colour scale.
import { heatmapOf, summarize } from "../plots/cells.js";
import { mountCellCursor } from "../plots/cell_cursor.js";
import { mountDisplayBar } from "../plots/display_bar.js";
import { createPanel } from "../plots/panel.js";
import { dataAddress, mountPanelMenu } from "../plots/panel_menu.js";
import { createScrubber, indexOfStep, mountPicking } from "../plots/scrubber.js";
import { themeColors } from "../plots/theme.js";
import { onTheme, seenTheme } from "../shell/theme.js";
import { COMPARE_VIEW, createState, layerInAddress } from "../state/url_state.js";
import { apiUrl, getJson } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { mountSwitches, showColumn } from "./compare_head.js";
import { createCourse } from "./compare_course.js";
import { refreshParts } from "./page_parts.js";
import { mountActions } from "./run_actions.js";
import { isOver } from "./run_head.js";
import { mountKeys } from "./run_keys.js";
import { followRuns } from "./live_runs.js";

const page = document.querySelector("[data-compare]");
const runs = JSON.parse(document.getElementById("compare-data").textContent);
const ids = runs.map((run) => run.id);
const allOver = () => runs.every((run) => isOver(run.status));
const isMap = (name) => name === "gradient_difference";
const state = createState(COMPARE_VIEW);
const course = createCourse(state, runs);
let colors = themeColors(seenTheme());

const layers = page.querySelector("[data-layer]");
/** The top layer unless another is chosen; a run with fewer layers shows its own top one. */
const layerOf = () => state.get().layer ?? layers?.dataset.top ?? "0";

const sections = [...page.querySelectorAll("[data-panel]")];
const panels = sections.map((section) => {
  const run = runs.find((one) => one.id === section.dataset.compared);
  const panel = createPanel(section, {
    address: () => (run ? addressOfRun(run) : addressOfAll(panel.name)),
    view: () => viewOf(run),
    onFigure: (figure) => arrived(panel, run, figure),
    // The scrubber has its steps from the runs' own heatmaps, seen or not.
    eager: Boolean(run),
    onCell: (cell) => readCell(cell),
  });
  const readCell = mountCellCursor(panel);
  mountPanelMenu(panel, {
    title: section.querySelector("h2").textContent,
    filename: () => `${panel.name}-${scrubber.shown() ?? 0}`,
    data: (format) => dataAddress(run?.id ?? ids[0], "hidden_gradient_norm", { step: run ? null : (course.stepOf(runs[0]) ?? "last"), layer: layerOf(), format }),
    page: () => apiUrl(`/figures/${panel.name}`, { run: run ? run.id : ids, ...shownQuery(), ...(run ? { step: course.stepOf(run) } : course.query(isMap(panel.name))), format: "html" }),
  });
  if (run) {
    mountPicking(panel.plot, (step) => choose(scrubber.nearest(course.positionOf(run, step + run.every / 2))));
  }
  return panel;
});
const comparison = panels.find((panel) => panel.name === "activation_comparison");
const difference = panels.find((panel) => panel.name === "gradient_difference");
const columns = panels.filter((panel) => panel.section.dataset.compared);

const scrubber = createScrubber(page.querySelector("[data-scrubber]"), {
  words: course.words,
  name: () => (course.byLoss() ? "Loss" : "Training step"),
  onStep: (position) => {
    course.choose(position);
    return refreshStep();
  },
});
const showDisplay = mountDisplayBar(page.querySelector("[data-display]"), state);
const showSwitches = mountSwitches(page, state);
mountKeys(scrubber, state, panels);
mountActions(page, { id: "", name: "" });
onTheme((seen) => {
  colors = themeColors(seen);
  for (const panel of panels) panel.redraw();
});

function shownQuery() {
  const { mode, range } = state.get();
  return { mode, range, layer: layerInAddress(layerOf()) };
}

function addressOfRun(run) {
  return { path: `/runs/${run.id}/figures/hidden_gradient_norm`, query: { layer: layerInAddress(layerOf()) }, final: false };
}

function addressOfAll(name) {
  const layer = layerInAddress(layerOf());
  const asked = course.query(isMap(name));
  const final = allOver() && !isMap(name) && asked.step !== null;
  return { path: `/figures/${name}`, query: { run: ids, layer, ...asked }, final };
}

function viewOf(run) {
  const { mode, range } = state.get();
  return { mode, range, colors, cursor: Boolean(run), picking: Boolean(run), step: run ? course.stepOf(run) : null };
}

function choose(position) {
  if (position === null || position === course.position()) return;
  course.choose(position);
  scrubber.setStep(position);
  refreshStep();
}

function arrived(panel, run, figure) {
  if (!run || !course.put(run, figure)) return;
  showPositions();
  describe(panel, run, figure);
  // Which step of each run is at the chosen loss is known once its losses are.
  if (course.byLoss()) refreshStep();
}

function showPositions() {
  scrubber.setSteps(course.positions());
  scrubber.setStep(course.position());
}

function describe(panel, run, figure) {
  const trace = heatmapOf(figure);
  const shown = course.stepOf(run);
  if (!trace || shown === null) return;
  panel.plot.removeAttribute("aria-labelledby");
  panel.plot.setAttribute("aria-label", summarize(run.name, trace, indexOfStep(Array.from(trace.x), shown)));
}

function refreshStep() {
  for (const panel of columns) {
    const run = runs.find((one) => one.id === panel.section.dataset.compared);
    panel.cursor(course.stepOf(run));
    panel.section.querySelector("[data-reached]").hidden = course.reached(run);
    if (panel.figure()) describe(panel, run, panel.figure());
  }
  return comparison.refresh();
}

function refreshAll() {
  return Promise.all(panels.map((panel) => panel.refresh({ fresh: true })));
}

async function refreshRun(id) {
  const run = runs.find((one) => one.id === id);
  const found = await getJson(`/runs/${id}`);
  run.status = found.status;
  scrubber.setLive(!allOver());
  showColumn(sections.find((one) => one.dataset.compared === id), found);
  // The last word of a run may be its status: no event after it is waited for.
  partsSoon();
}

// What the server writes of the runs' results: the table, and a lesson's answer.
const PARTS_MS = 1000;
const partsSoon = newest(refreshParts, { interval: PARTS_MS });

state.subscribe((_, changed) => {
  showDisplay();
  if (changed.includes("mode") || changed.includes("range")) for (const panel of panels) panel.redraw();
  if (changed.includes("layer")) refreshAll();
  if (changed.includes("align")) (showPositions(), difference?.refresh());
  const moved = ["align", "step", "loss"].some((name) => changed.includes(name));
  if (moved && (changed.includes("align") || course.position() !== scrubber.step())) {
    scrubber.setStep(course.position());
    refreshStep();
  }
  showSwitches();
});
if (layers) {
  layers.value = layerOf();
  layers.addEventListener("change", () => state.set({ layer: layers.value }));
}
showSwitches();
scrubber.setStep(course.position());
refreshAll();

const changedRuns = new Set();
const framesSoon = newest(async () => {
  const touched = columns.filter((panel) => changedRuns.has(panel.section.dataset.compared));
  changedRuns.clear();
  const all = [...touched, ...(course.position() === null ? [comparison] : []), ...(difference ? [difference] : [])];
  await Promise.all(all.map((panel) => panel.refresh({ fresh: true })));
});
followRuns(ids, {
  catchUp: () => {
    refreshAll();
    partsSoon();
    for (const id of ids) refreshRun(id).catch(() => {});
  },
  onEvent(kind, data) {
    const run = runs.find((one) => one.id === data.run);
    // A stream opens with the newest event of each kind: what is over came with the page already.
    if (!run || isOver(run.status)) return;
    if (kind === "frame" || kind === "end") {
      changedRuns.add(data.run);
      framesSoon();
    }
    if (kind === "frame" || kind === "verdict" || kind === "end") partsSoon();
    if (kind !== "frame" && kind !== "progress") refreshRun(run.id).catch(() => {});
  },
});
