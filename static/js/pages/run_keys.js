// Keyboard shortcuts of the pages of figures; each has a visible control.
import { shortcut } from "../shell/keyboard.js";
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
  panels.slice(0, 5).forEach((panel, i) => shortcut(String(i + 1), `Panel ${i + 1}`, () => panel.plot.focus()));
  shortcut("f", "Full size of the focused panel", () => {
    const panel = panels.find((one) => one.section.contains(document.activeElement)) ?? panels[0];
    toggleFull(panel);
  });
  shortcut("Escape", "Leave full size", () => {
    const full = panels.find((one) => one.section.classList.contains("panel--full"));
    if (full) toggleFull(full, false);
  });
}

/** @param {number} range @param {1 | -1} by */
export function neighbour(range, by) {
  return RANGES[Math.min(Math.max(RANGES.indexOf(range) + by, 0), RANGES.length - 1)];
}
