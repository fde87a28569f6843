// The scrubber: one training step for all panels. Buttons, slider, play, follow live; keys are registered by the page.
import { roomAround } from "./mount.js";

/** Steps that are recorded: 0, every, 2·every, …, and the last one. @param {number} every @param {number | null} latest */
export function recordedSteps(every, latest) {
  if (latest === null || latest < 0) return [];
  const steps = [];
  for (let step = 0; step <= latest; step += every) steps.push(step);
  if (steps[steps.length - 1] !== latest) steps.push(latest);
  return steps;
}

/** The recorded step at or before one. @param {number[]} steps sorted @param {number | null} wanted null: the last */
export function indexOfStep(steps, wanted) {
  if (wanted === null) return steps.length - 1;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

const PLAY_MS = 60;

/**
 * @param {HTMLElement} element `[data-scrubber]`
 * @param {{onStep: (step: number | null) => void | Promise<void>, words?: (step: number) => string, name?: () => string}} options
 *   null: follow the newest; `words` says what stands at a step where that is something else, `name` what it moves along
 */
export function createScrubber(element, { onStep, words, name = () => "Training step" }) {
  const part = (name) => element.querySelector(`[data-scrub=${name}]`);
  const [back, play, forward, slider, label, follow] = ["back", "play", "forward", "slider", "label", "follow"].map(part);
  let steps = [];
  let step = null;
  let playing = false;

  function show() {
    const at = indexOfStep(steps, step);
    slider.max = String(Math.max(steps.length - 1, 0));
    slider.value = String(Math.max(at, 0));
    slider.disabled = steps.length < 2;
    slider.setAttribute("aria-label", name());
    for (const one of [element, label]) one.setAttribute("aria-label", `${name()} shown`);
    const text = words ? words(steps[at] ?? 0) : String(steps[at] ?? 0);
    slider.setAttribute("aria-valuetext", words ? text : `training step ${text}`);
    label.textContent = text;
    back.disabled = at <= 0;
    forward.disabled = at >= steps.length - 1;
    play.disabled = steps.length < 2;
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
    play.setAttribute("aria-pressed", String(playing));
    play.firstElementChild.textContent = playing ? "❚❚" : "▶";
    follow.setAttribute("aria-pressed", String(step === null));
  }

  function go(next) {
    step = next;
    show();
    return onStep(step);
  }

  const move = (by) => {
    if (!steps.length) return undefined;
    const at = Math.min(Math.max(indexOfStep(steps, step) + by, 0), steps.length - 1);
    return go(steps[at]);
  };

  async function run() {
    if (indexOfStep(steps, step) >= steps.length - 1) await go(steps[0]);
    while (playing && indexOfStep(steps, step) < steps.length - 1) {
      const started = performance.now();
      await move(1);
      const rest = Math.max(PLAY_MS - (performance.now() - started), 0);
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
    playing = false;
    show();
  }

  const toggle = () => {
    playing = !playing;
    show();
    if (playing) run();
  };
  const stop = () => {
    playing = false;
  };

  back.addEventListener("click", () => (stop(), move(-1)));
  forward.addEventListener("click", () => (stop(), move(1)));
  play.addEventListener("click", toggle);
  follow.addEventListener("click", () => (stop(), go(null)));
  slider.addEventListener("input", () => (stop(), go(steps[Number(slider.value)])));

  return {
    /** @param {number[]} recorded */
    setSteps(recorded) {
      steps = recorded;
      show();
    },
    /** Only what goes on can be followed; what was followed until its end keeps the control's room. @param {boolean} going */
    setLive(going) {
      follow.disabled = !going;
      if (going) follow.hidden = false;
    },
    /** What the address or a heatmap chose. @param {number | null} chosen */
    setStep(chosen) {
      step = chosen;
      show();
    },
    step: () => step,
    shown: () => steps[indexOfStep(steps, step)] ?? null,
    steps: () => steps,
    move: (by) => (stop(), move(by)),
    toggle,
    first: () => (stop(), steps.length ? go(steps[0]) : undefined),
    last: () => (stop(), steps.length ? go(steps[steps.length - 1]) : undefined),
    follow: () => (stop(), go(null)),
    nearest: (value) => steps[indexOfStep(steps, value)] ?? null,
  };
}

/**
 * Choose a step with the pointer on a heatmap whose x axis is the training step.
 * @param {HTMLElement} plot @param {(step: number) => void} choose
 */
export function mountPicking(plot, choose) {
  const stepAt = (event) => {
    const { layout } = plot;
    const room = roomAround(plot);
    if (!layout?.xaxis?.range || !room) return null;
    const box = plot.getBoundingClientRect();
    const { l, r } = room;
    const share = (event.clientX - box.left - l) / (box.width - l - r);
    const [low, high] = layout.xaxis.range;
    return low + Math.min(Math.max(share, 0), 1) * (high - low);
  };
  const pick = (event) => {
    const step = stepAt(event);
    if (step !== null) choose(step);
  };
  let held = false;
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = true;
    pick(event);
  });
  window.addEventListener("pointermove", (event) => held && pick(event));
  window.addEventListener("pointerup", () => {
    held = false;
  });
  window.addEventListener("pointercancel", () => {
    held = false;
  });
}
