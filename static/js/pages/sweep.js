// A sweep: its grid as a heatmap and the success of its models against the lag, drawn again while runs end.
import { createPanel } from "../plots/panel.js";
import { mountPanelMenu } from "../plots/panel_menu.js";
import { themeColors } from "../plots/theme.js";
import { confirmAction, element, openSheet } from "../shell/dialog.js";
import { onTheme, seenTheme } from "../shell/theme.js";
import { toastError } from "../shell/toasts.js";
import { apiUrl, remove } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { followRuns } from "./live_runs.js";
import { refreshParts } from "./page_parts.js";

const page = document.querySelector("[data-sweep]");
const { sweep, x, y, value } = page.dataset;
const members = new Set(JSON.parse(document.getElementById("sweep-runs").textContent));
const REFRESH_MS = 1000;
const TOLD = new Set(["status", "verdict", "end"]);
const query = { x, y: y || null, value };
let colors = themeColors(seenTheme());

/** Open the runs of a cell of the map: those that the table has there. */
function openCell({ x: column, y: row }) {
  const cell = page.querySelector(`[data-part="cell-${row + 1}-${column + 1}"]`);
  const links = [...(cell?.querySelectorAll("a") ?? [])];
  if (!links.length) return;
  const list = element("div", "stack");
  for (const link of links) {
    const item = element("p");
    item.append(link.cloneNode(true));
    list.append(item);
  }
  const across = page.querySelectorAll("thead th")[column].textContent;
  const up = cell.closest("tr").querySelector("th").textContent;
  openSheet("Runs of a cell", up ? `${across}, ${up}` : across, [list]);
}

const panels = [...page.querySelectorAll("[data-panel]")].map((section) => {
  const path = `/sweeps/${sweep}/figures/${section.dataset.panel}`;
  const panel = createPanel(section, {
    address: () => ({ path, query, final: false }),
    view: () => ({ mode: "magnitude", range: 8, colors, manyRuns: false }),
    onPick: section.dataset.panel === "sweep_matrix" ? openCell : null,
  });
  mountPanelMenu(panel, {
    title: section.querySelector("h2").textContent,
    filename: () => section.dataset.panel,
    data: () => null,
    page: () => apiUrl(path, { ...query, format: "html" }),
  });
  return panel;
});
onTheme((seen) => {
  colors = themeColors(seen);
  for (const panel of panels) panel.redraw();
});

page.querySelector("[data-delete-sweep]").addEventListener("click", async () => {
  const count = members.size;
  const runs = count ? ` Its ${count === 1 ? "run" : `${count} runs`} and all that they recorded go with it.` : "";
  const question = { title: "Delete this sweep?", text: `Its grid will be gone.${runs} This cannot be undone.`, yes: "Delete" };
  if (!(await confirmAction(question))) return;
  try {
    await remove(`/sweeps/${sweep}?runs=true`);
    location.assign("/sweeps");
  } catch (error) {
    toastError(error);
  }
});

const drawAll = () => Promise.all(panels.map((panel) => panel.refresh({ fresh: true })));
const refresh = newest(() => Promise.all([refreshParts(), drawAll()]), { interval: REFRESH_MS });
drawAll();
// A sweep may have more runs than an address has room for: all are followed, and others' events let go by.
followRuns([], {
  onEvent(kind, data) {
    if (TOLD.has(kind) && members.has(data.run)) refresh();
  },
  onLive: refresh,
  catchUp: refresh,
});
