// The controls over a run's panels: switches, choices, layers and tabs, each showing what the address says.

// What a switch of two words goes over to.
const OTHER = { order: { size: "index", index: "size" }, losses: { all: "last", last: "all" } };

/**
 * @param {HTMLElement} page `[data-run]`
 * @param {ReturnType<typeof import("../state/url_state.js").createState>} state
 * @param {{
 *   losses: () => "all" | "last", layer: () => string, tab: () => string,
 *   showTab: (tab: string) => void, showDisplay: () => void,
 * }} shown what of the address this run has, and the parts that show themselves
 * @returns {() => void} shows the state anew
 */
export function mountControls(page, state, { losses, layer, tab: tabOf, showTab, showDisplay }) {
  const layers = page.querySelector("[data-layer]");
  const scrubber = page.querySelector("[data-scrubber]");
  for (const chip of page.querySelectorAll("[data-toggle]")) {
    chip.addEventListener("click", () => {
      const name = chip.dataset.toggle;
      const other = OTHER[name]?.[name === "losses" ? losses() : state.get()[name]];
      state.set({ [name]: other ?? !state.get()[name] });
    });
  }
  for (const select of page.querySelectorAll("[data-choice]")) select.addEventListener("change", () => state.set({ [select.dataset.choice]: select.value }));
  layers?.addEventListener("change", (event) => state.set({ layer: event.target.value }));
  foldRail(page.querySelector("[data-rail]"));

  return () => {
    const { mode, log, reach, order } = state.get();
    const tab = tabOf();
    showTab(tab);
    for (const part of page.querySelectorAll("[data-tab-panels]")) {
      part.hidden = part.dataset.tabPanels !== tab;
      if (!part.hidden) part.querySelector("[data-scrubber-slot]").append(scrubber);
    }
    const pressed = { log, reach, order: order === "size", losses: losses() === "last" };
    for (const chip of page.querySelectorAll("[data-toggle]")) chip.setAttribute("aria-pressed", String(pressed[chip.dataset.toggle]));
    for (const part of page.querySelectorAll("[data-ratio]")) part.hidden = mode !== "ratio";
    for (const part of page.querySelectorAll("[data-losses]")) part.hidden = part.dataset.losses !== losses();
    if (layers) layers.value = layer();
    const shown = page.querySelector(`[data-tab-panels="${CSS.escape(tab)}"]`);
    for (const select of page.querySelectorAll("[data-choice]")) select.value = state.get()[select.dataset.choice] ?? select.options[0].value;
    page.querySelector("[data-display]").hidden = !("colored" in shown.dataset);
    showDisplay();
  };
}

/** The configuration is folded where it has no column of its own. */
function foldRail(rail) {
  const narrow = matchMedia("(width <= 1180px)");
  const fold = () => {
    rail.open = !narrow.matches;
  };
  narrow.addEventListener("change", fold);
  fold();
}
