// The run card: status, progress, verdict and the four numbers, in the words of the newest event or the chosen step.
import { headline, lineOf, troublesOf } from "../plots/verdicts.js";
import { duration, large, raised, short, showMagnitude, statusWord, told } from "../plots/words.js";
import { numberOf } from "../wire/api.js";
import { OVER } from "./run_verbs.js";
import { countText } from "./words.js";

// Beside the progress, so that nothing moves when the state changes; a failure has a place of its own.
const REMARKS = {
  queued: "waiting for a free worker",
  interrupted: "the worker was lost; goes on from the last checkpoint",
  cancelled: "what was recorded stays readable",
  diverged: "the loss is no longer finite",
};

/** @param {string} status */
export function isOver(status) {
  return OVER.has(status);
}

/** @param {HTMLElement} page `[data-run]` @param {{steps: number, status: string, no_verdict: object}} run */
export function createRunHead(page, run) {
  const part = (name) => page.querySelector(`[data-${name}]`);
  const number = (name) => page.querySelector(`[data-number=${name}]`);
  const note = (name) => page.querySelector(`[data-note=${name}]`);
  let seen = null;
  let ahead = "";
  let seconds = run.seconds ?? null;

  /** Steps a second, from one progress event to the next. */
  function pace(step) {
    const now = performance.now() / 1000;
    const rate = seen && step > seen.step && now > seen.now ? (step - seen.step) / (now - seen.now) : null;
    if (!seen || step !== seen.step) seen = { step, now };
    return rate;
  }

  function progress({ step, steps = run.steps, eta_seconds: eta = null }) {
    part("progress").max = Math.max(steps, 1);
    part("progress").value = steps ? step : 1;
    part("step").textContent = countText(step);
    const rate = pace(step);
    const words = [];
    if (rate && !isOver(run.status)) words.push(`${short(rate)} steps/s`);
    if (eta !== null && !isOver(run.status)) words.push(`about ${duration(numberOf(eta))} left`);
    remark(words);
  }

  function remark(words) {
    const took = isOver(run.status) && seconds !== null ? `took ${duration(seconds)}` : "";
    const first = REMARKS[run.status] ? REMARKS[run.status] + ahead : took;
    part("pace").textContent = [first, ...words].filter(Boolean).join(" · ");
  }

  /** @param {object} found the run as the service says it */
  function status({ status: name, error, queue_position: position = null, started_at: from, finished_at: to }) {
    run.status = name;
    const badge = part("status");
    badge.className = `status status--${name}`;
    badge.textContent = statusWord(name);
    const over = isOver(name);
    for (const button of page.querySelectorAll("[data-verb]")) button.hidden = !run.verbs[name].includes(button.dataset.verb);
    page.querySelector("[data-action=delete]").hidden = !over;
    ahead = position ? `, ${position} ${position === 1 ? "run" : "runs"} ahead` : position === 0 ? ", next in line" : "";
    if (from && to) seconds = (Date.parse(to) - Date.parse(from)) / 1000;
    remark([]);
    part("notice").hidden = name !== "failed";
    part("error-text").textContent = error;
    part("failure").textContent = (error ?? "").trimEnd().split("\n").at(-1);
  }

  /** @param {object | null} verdict as the service says it */
  function verdict(found) {
    if (!found) return;
    const { title, glyph, style } = headline(found);
    part("verdict").className = `run-verdict tint--${style}`;
    part("verdict-word").className = `verdict verdict--tile verdict--${style}`;
    part("verdict-glyph").textContent = glyph;
    part("verdict-text").textContent = title;
    part("verdict-troubles").textContent = troublesOf(found);
    part("verdict-when").textContent = `Verdict at step ${found.step}`;
    part("verdict-sentence").replaceChildren(...raised(told(lineOf(found))));
    part("verdict-sentence").title = lineOf(found);
    const span = numberOf(found.log10_span);
    if (span === null) number("span").textContent = "–";
    else showMagnitude(number("span"), span);
    number("decay").textContent = short(numberOf(found.decay));
  }

  /** What is over and has none gets none. */
  function noVerdict() {
    part("verdict-text").textContent = isOver(run.status) ? "No verdict" : "Not yet known";
    part("verdict-sentence").textContent = run.no_verdict[run.status];
  }

  /** @param {object} meta of the decay figure */
  function geometry(meta) {
    number("radius").replaceChildren(...raised(large(numberOf(meta.spectral_radius ?? null))));
    const sigma = numberOf(meta.largest_singular_value ?? null);
    const gate = meta.gate ? ` (gate ${meta.gate})` : "";
    note("sigma").replaceChildren(...raised(`${large(sigma)}${gate}`));
  }

  function loss(value, baseline) {
    number("loss").textContent = value === null || Number.isFinite(value) ? short(value) : "not finite";
    const known = numberOf(baseline ?? null);
    note("loss").textContent = known === null ? "training batch" : `baseline ${short(known)}`;
  }

  return { progress, status, verdict, noVerdict, geometry, loss };
}
