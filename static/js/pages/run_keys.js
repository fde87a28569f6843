// Keyboard shortcuts of the pages of figures; each has a visible control.
import { named, shortcut } from "../shell/keyboard.js";
import { toggleFull } from "../plots/panel_menu.js";

const RANGES = [4, 8, 16];

/**
 * @param {ReturnType<import("../plots/scrubber.js").createScrubber>} scrubber
 * @param {{get: () => object, set: (changes: object) => void}} state
 * @param {ReturnType<import("../plots/panel.js").createPanel>[]} panels
 */
export function mountKeys(scrubber, state, panels) {
  shortcut("Space", "Play or pause", () => scrubber.toggle());
  shortcut("ArrowLeft", "One step back", () => scrubber.move(-1));
  shortcut("ArrowRight", "One step forward", () => scrubber.move(1));
  shortcut("Shift+ArrowLeft", "Ten steps back", () => scrubber.move(-10));
  shortcut("Shift+ArrowRight", "Ten steps forward", () => scrubber.move(10));
  shortcut("Home", "First step", () => scrubber.first());
  shortcut("End", "Last step", () => scrubber.last());
  shortcut("l", "Follow live", () => scrubber.follow());
  shortcut("m", "Ratio or magnitude", () => state.set({ mode: state.get().mode === "ratio" ? "magnitude" : "ratio" }));
  shortcut("[", "Narrower range", () => state.set({ range: neighbour(state.get().range, -1) }));
  shortcut("]", "Wider range", () => state.set({ range: neighbour(state.get().range, 1) }));
  if ("log" in state.get()) shortcut("g", "Log loss", () => state.set({ log: !state.get().log }));
  // Those of another tab are there and not seen; what was not recorded has nothing to stand on.
  const seen = () => panels.filter(({ plot }) => plot.checkVisibility({ visibilityProperty: true }));
  shortcut(["1", "2", "3", "4", "5"], "Go to one of the charts", (event) => seen()[Number(event.key) - 1]?.plot.focus());
  shortcut("f", "Full size of the focused chart", () => {
    const panel = seen().find((one) => one.section.contains(document.activeElement)) ?? seen()[0];
    if (panel) toggleFull(panel);
  });
  const leave = () => {
    const full = panels.find((one) => one.section.classList.contains("panel--full"));
    if (full) toggleFull(full, false);
  };
  shortcut("Escape", "Leave full size", leave);
  // A chart that goes out of sight with its tab would leave the page without a way to scroll.
  state.subscribe((_, changed) => {
    if (changed.includes("tab")) leave();
  });
  named(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], "From cell to cell, Shift by ten", "In a heatmap");
  if (panels.some((panel) => panel.onPick)) named(["Enter"], "Factor by factor, where a click shows that", "In a heatmap");
}

/** @param {number} range @param {1 | -1} by */
export function neighbour(range, by) {
  return RANGES[Math.min(Math.max(RANGES.indexOf(range) + by, 0), RANGES.length - 1)];
}
