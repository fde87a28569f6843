// The comparison's head: a run's status and verdict over its column, as the service has them now, and the switches.
import { headline } from "../plots/verdicts.js";
import { statusWord } from "../plots/words.js";

/** @param {HTMLElement} section the run's panel @param {{status: string, verdict: object | null}} run as the service says it */
export function showColumn(section, { status, verdict }) {
  const badge = section.querySelector("[data-status]");
  badge.className = `status status--${status}`;
  badge.textContent = statusWord(status);
  if (!verdict) return;
  const { title, glyph, style } = headline(verdict);
  const word = section.querySelector("[data-verdict-word]");
  word.className = `verdict verdict--${style} small`;
  word.textContent = `${glyph} ${title}`;
  section.querySelector("[data-verdict-label]").hidden = false;
  // The scrubber may stand elsewhere.
  section.querySelector("[data-verdict-step]").textContent = `at step ${verdict.step}`;
}

/**
 * By what the runs stand side by side, and what is said of ratios alone.
 * @param {HTMLElement} page @param {{get: () => {align: string, mode: string}, set: (change: object) => void}} state
 * @returns {() => void} shows the state anew
 */
export function mountSwitches(page, state) {
  const buttons = page.querySelectorAll("[data-align]");
  for (const button of buttons) button.addEventListener("click", () => state.set({ align: button.dataset.align }));
  return () => {
    const { align, mode } = state.get();
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.align === align));
    for (const part of page.querySelectorAll("[data-ratio]")) part.hidden = mode !== "ratio";
  };
}
