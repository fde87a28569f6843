// The display bar: colour mode, range, and the one legend that all heatmaps share.
import { limits } from "./scale.js";
import { exponentText } from "./words.js";

/**
 * @param {HTMLElement} element `[data-display]`
 * @param {{get: () => object, set: (changes: object) => void}} state
 * @returns {() => void} shows the state
 */
export function mountDisplayBar(element, state) {
  const modes = [...element.querySelectorAll("[data-mode]")];
  const range = element.querySelector("[data-range]");
  const bar = element.querySelector("[data-legend]");
  const ticks = [...element.querySelectorAll("[data-tick]")];
  for (const button of modes) button.addEventListener("click", () => state.set({ mode: button.dataset.mode }));
  range.addEventListener("change", () => state.set({ range: Number(range.value) }));

  function show() {
    const { mode, range: decades } = state.get();
    for (const button of modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    range.value = String(decades);
    bar.dataset.legend = mode;
    const [low, high] = limits(mode, decades);
    ticks.forEach((tick, i) => showTick(tick, low + (i * (high - low)) / (ticks.length - 1), i, ticks.length));
    bar.setAttribute("aria-label", legendLabel(mode, low, high));
  }
  show();
  return show;
}

/** @returns {string} what a reader of the screen hears for the legend */
export function legendLabel(mode, low, high) {
  const what = mode === "ratio" ? "Gradient norm against the last time asked" : "Gradient norm";
  return `${what}: colours from 10 to the ${exponentText(low)} to 10 to the ${exponentText(high)}; beyond, the end colours hold`;
}

function showTick(element, exponent, index, count) {
  const sign = index === 0 ? "≤ " : index === count - 1 ? "≥ " : "";
  if (exponent === 0) return element.replaceChildren(`${sign}1`);
  const raised = document.createElement("sup");
  raised.textContent = exponentText(exponent);
  element.replaceChildren(`${sign}10`, raised);
}
