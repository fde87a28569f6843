// The run page: panels, one scrubber, and what the service tells while the run goes on.
import { heatmapOf, summarize } from "../plots/cells.js";
import { mountCellCursor } from "../plots/cell_cursor.js";
import { mountDisplayBar } from "../plots/display_bar.js";
import { createPanel } from "../plots/panel.js";
import { mountPanelMenu } from "../plots/panel_menu.js";
import { createScrubber, indexOfStep, mountPicking, recordedSteps } from "../plots/scrubber.js";
import { themeColors } from "../plots/theme.js";
import { toastError } from "../shell/toasts.js";
import { onTheme, seenTheme } from "../shell/theme.js";
import { RUN_VIEW, createState } from "../state/url_state.js";
import { getJson, numberOf } from "../wire/api.js";
import { mountActions } from "./run_actions.js";
import { mountControls } from "./run_controls.js";
import { createFigures } from "./run_figures.js";
import { createRunHead, isOver } from "./run_head.js";
import { showNamed } from "./run_jump.js";
import { mountKeys } from "./run_keys.js";
import { mountTabs } from "./run_tabs.js";
import { mountTags } from "./run_tags.js";
import { followRun } from "./run_live.js";

const page = document.querySelector("[data-run]");
const run = JSON.parse(document.getElementById("run-data").textContent);
const state = createState(RUN_VIEW);
const head = createRunHead(page, run);
const summary = document.querySelector("[data-summary]");

const EAGER = new Set(["decay", "hidden_gradient_norm"]);

// A cell of these is one term of a sum.
const CHAINED = new Set(["loss_state_gradient", "path_gradient"]);

const figures = createFigures(run, { view: () => state.get(), layer: () => layerOf() });

let scrubber = null;
let colors = themeColors(seenTheme());
let latest = null;

const shownStep = () => scrubber?.shown() ?? null;
/** A tab that this network does not have is the first one. */
const tabOf = () => (page.querySelector(`[data-tab="${CSS.escape(state.get().tab)}"]`) ? state.get().tab : "overview");
/** The top layer unless another is chosen that this network has. */
const layerOf = () => (run.layers.includes(state.get().layer) ? state.get().layer : run.top);

const panels = [...page.querySelectorAll("[data-panel]")].map((section) => {
  const name = section.dataset.panel;
  section.dataset.from = run.id;
  const panel = createPanel(section, {
    address: () => figures.address(name),
    view: () => viewOf(name),
    onFigure: (figure) => arrived(name, figure),
    onCell: (cell) => readCell(cell),
    onPick: CHAINED.has(name) ? (cell) => openCell(name, cell) : null,
    // The verdict and the numbers come with these two, wherever they are on the page.
    eager: EAGER.has(name),
  });
  const readCell = mountCellCursor(panel);
  mountPanelMenu(panel, {
    title: section.querySelector("h2").textContent,
    filename: () => `${name}-${run.id.slice(0, 8)}-${scrubber.shown() ?? 0}`,
    data: (format) => figures.data(name, format),
    page: () => figures.page(name),
  });
  return panel;
});
const panelOf = (name) => panels.find((panel) => panel.name === name);
const heatmap = panelOf("hidden_gradient_norm");

scrubber = createScrubber(page.querySelector("[data-scrubber]"), {
  onStep: (step) => {
    state.set({ step });
    return refreshStep();
  },
});
const showControls = mountControls(page, state, {
  losses: () => figures.losses(),
  layer: () => layerOf(),
  tab: tabOf,
  showTab: mountTabs(page, (tab) => state.set({ tab })),
  showDisplay: mountDisplayBar(page.querySelector("[data-display]"), state),
});
for (const panel of panels) if (figures.picked(panel.name)) mountPicking(panel.plot, pick);

function pick(step) {
  const nearest = scrubber.nearest(step + run.every / 2);
  if (nearest !== null && nearest !== state.get().step) {
    state.set({ step: nearest });
    scrubber.setStep(nearest);
    refreshStep();
  }
}
mountKeys(scrubber, state, panels);
mountActions(page, run, state);
mountTags(page.querySelector("[data-tags]"), run);
onTheme((seen) => {
  colors = themeColors(seen);
  for (const panel of panels) panel.redraw();
});

/** The chain behind a cell, of the layer that is shown; a cell of the future has none. */
async function openCell(name, cell) {
  const { step, parameter = null } = panelOf(name).figure().layout.meta;
  try {
    const { openChain, timesOf } = await import("./chain.js"); // not before somebody asks
    const times = timesOf(cell);
    if (times) await openChain(run.id, { step, ...times, parameter, layer: layerOf() });
  } catch (error) {
    toastError(error);
  }
}

function viewOf(name) {
  const { mode, range, log, reach, order } = state.get();
  const cursor = figures.withCursor(name);
  return { mode, range, log, reach, order, colors, cursor, picking: figures.picked(name), step: cursor ? shownStep() : null };
}

/** What a figure brings beside its picture: verdict, numbers, the steps that are recorded. */
function arrived(name, figure) {
  const { meta } = figure.layout;
  if (name === "decay") {
    head.verdict(meta.verdict);
    head.geometry(meta);
  }
  if (name === "hidden_gradient") page.querySelector("[data-unit-step]").textContent = String(meta.step ?? 0);
  if (name !== "hidden_gradient_norm") return;
  if (meta.latest !== undefined && meta.latest !== null) {
    latest = Math.max(latest ?? 0, meta.latest);
    scrubber.setSteps(recordedSteps(run.every, latest));
  }
  describe(figure);
}

function describe(figure) {
  const shown = scrubber.shown();
  const trace = heatmapOf(figure);
  if (shown === null || !trace) return;
  const column = indexOfStep(Array.from(trace.x), shown);
  const sentence = summarize("Gradient norm over training", trace, column);
  heatmap.plot.setAttribute("aria-label", sentence);
  heatmap.plot.removeAttribute("aria-labelledby");
  summary.textContent = state.get().step === null ? "" : sentence;
  const { recent_losses: losses, baseline } = figure.layout.meta;
  head.loss(numberOf(losses[column] ?? null), numberOf(baseline));
}

/** The panels of one step, and the cursor of those that show all. */
function refreshStep() {
  const figure = heatmap.figure();
  for (const panel of panels) if (figures.withCursor(panel.name)) panel.cursor(scrubber.shown());
  if (figure && !figure.layout.meta.empty) describe(figure);
  return Promise.all(shownPanels().filter((panel) => !figures.ofAllSteps(panel.name)).map((panel) => panel.refresh()));
}

function shownPanels() {
  return panels.filter((panel) => EAGER.has(panel.name) || !panel.section.closest("[hidden]"));
}

/** @returns {Promise<number>} how long drawing kept the page busy, in ms */
async function refreshAll() {
  const fresh = (panel) => figures.ofAllSteps(panel.name) || state.get().step === null;
  const busy = await Promise.all(shownPanels().map((panel) => panel.refresh({ fresh: fresh(panel) })));
  return busy.reduce((sum, ms) => sum + ms, 0);
}

state.subscribe((now, changed) => {
  showControls();
  const drawn = ["mode", "range", "log", "reach", "order"].some((name) => changed.includes(name));
  if (drawn) for (const panel of shownPanels()) panel.redraw();
  if (["layer", "tab", "parameter", "gate", "losses"].some((name) => changed.includes(name))) refreshAll();
  if (changed.includes("step") && now.step !== scrubber.step()) {
    scrubber.setStep(now.step);
    refreshStep();
  }
});

scrubber.setStep(state.get().step);
showControls();
showNamed(panels);
head.progress(run);
refreshAll();
followRun(run, {
  head,
  isNews: (step) => latest === null || step > latest,
  refresh: refreshAll,
  async status() {
    const before = run.status;
    const found = await getJson(`/runs/${run.id}`);
    head.status(found);
    head.progress(found.progress);
    if (!found.verdict && (isOver(found.status) || latest === null)) head.noVerdict();
    // Without a frame, panels say what the run waits for.
    if (latest === null && found.status !== before) refreshAll();
    scrubber.setLive(!isOver(found.status));
    if (state.get().step === null) head.verdict(found.verdict);
  },
});
