// The live pill: says whether this page follows the service; a click pauses the view, never the run.

/** @typedef {"live" | "connecting" | "stale" | "paused" | "off"} LiveState */

// The first connection takes an instant: it has the word that follows, so that nothing moves.
const WORDS = {
  live: "Live",
  connecting: "Live",
  stale: "Reconnecting",
  paused: "Paused",
  off: "Not following",
};

/** @param {LiveState} state @param {string} [detail] such as "last data 12 s ago" */
export function liveText(state, detail = "") {
  return detail ? `${WORDS[state]} · ${detail}` : WORDS[state];
}

/**
 * @param {{onPause: () => void, onResume: () => void}} handlers
 * @returns {{show: (state: LiveState, detail?: string) => void, paused: () => boolean}} does nothing on a page without the pill
 */
export function mountLivePill({ onPause, onResume }) {
  const button = document.querySelector("[data-shell=live]");
  if (!button) return { show: () => {}, paused: () => false };
  const words = button.querySelector("[data-live-text]");
  let paused = false;
  const show = (state, detail) => {
    const seen = paused ? "paused" : state;
    button.dataset.state = seen;
    words.textContent = liveText(seen, paused ? "" : detail);
    button.title = paused ? "The view is paused, runs go on. Click to follow" : "Click to pause this view; runs go on";
  };
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(!paused));
    show("connecting");
    (paused ? onPause : onResume)();
  });
  delete button.dataset.waiting;
  show("connecting");
  return { show, paused: () => paused };
}
