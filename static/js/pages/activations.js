// The page of activation functions: two sliders in the address, two figures and a table that follow them.
import { createPanel } from "../plots/panel.js";
import { mountPanelMenu } from "../plots/panel_menu.js";
import { themeColors } from "../plots/theme.js";
import { onTheme, seenTheme } from "../shell/theme.js";
import { toastError } from "../shell/toasts.js";
import { ACTIVATIONS_VIEW, createState } from "../state/url_state.js";
import { apiUrl } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { fetchPage, replaceParts } from "./page_parts.js";

const page = document.querySelector("[data-activations]");
const sliders = page.querySelector("[data-sliders]");
const state = createState(ACTIVATIONS_VIEW);
let colors = themeColors(seenTheme());

const panels = [...page.querySelectorAll("[data-panel]")].map((section) => {
  const name = section.dataset.panel;
  const query = () => ({ length: state.get().length, at: state.get().at });
  const panel = createPanel(section, {
    address: () => ({ path: `/figures/${name}`, query: query(), final: true }),
    view: () => ({ mode: "magnitude", range: 8, colors, manyRuns: false }),
  });
  mountPanelMenu(panel, {
    title: section.querySelector("h2").textContent,
    filename: () => name,
    data: () => null,
    page: () => apiUrl(`/figures/${name}`, { ...query(), format: "html" }),
  });
  return panel;
});
onTheme((seen) => {
  colors = themeColors(seen);
  for (const panel of panels) panel.redraw();
});

function showSliders() {
  for (const name of ["length", "at"]) {
    sliders.querySelector(`[name=${name}]`).value = String(state.get()[name]);
    sliders.querySelector(`[data-shown=${name}]`).textContent = String(state.get()[name]);
  }
}

const follow = newest(
  async () => {
    try {
      const newer = await fetchPage(location.href);
      if (newer) replaceParts(newer, page);
      await Promise.all(panels.map((panel) => panel.refresh()));
    } catch (error) {
      toastError(error);
    }
  },
  { interval: 0 },
);

sliders.addEventListener("input", ({ target }) => state.set({ [target.name]: Number(target.value) }));
sliders.addEventListener("submit", (event) => event.preventDefault());
state.subscribe(() => {
  showSliders();
  follow();
});
showSliders();
for (const panel of panels) panel.refresh();
