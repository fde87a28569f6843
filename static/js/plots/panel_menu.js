// What the "…" of a panel offers: full size, table, pictures and data.
import { element, openSheet } from "../shell/dialog.js";
import { apiUrl } from "../wire/api.js";
import { heatmapOf, tableOf } from "./cells.js";
import { resize, saveImage } from "./mount.js";
import { raised } from "./words.js";

const TABLE_ROWS = 50;

/**
 * @param {ReturnType<import("./panel.js").createPanel>} panel
 * @param {{title: string, filename: () => string, data: (format: string) => string | null, page: () => string}} options
 *   `data` is the address of the numbers, `page` that of the figure as a file
 */
export function mountPanelMenu(panel, { title, filename, data, page }) {
  const list = panel.section.querySelector("[data-menu]");
  if (!list) return;
  const items = [
    action("Full size", "F", () => toggleFull(panel)),
    action("Show as table", "", () => showTable(panel, title, data("csv"))),
    action("Save as PNG", "", () => saveImage(panel.plot, "png", filename())),
    action("Save as SVG", "", () => saveImage(panel.plot, "svg", filename())),
    ...(data("csv") === null
      ? [action("Data as CSV", "", () => saveTable(panel, filename()))]
      : [link("Data as CSV", () => data("csv")), link("Data as NumPy", () => data("npy"))]),
    link("Figure as a page", page),
  ];
  list.replaceChildren(...items);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button panel-close";
  close.textContent = "Close";
  close.addEventListener("click", () => toggleFull(panel, false));
  panel.section.querySelector(".panel-tools").append(close);
}

/** @param {ReturnType<import("./panel.js").createPanel>} panel @param {boolean} [wanted] */
export function toggleFull(panel, wanted = !panel.section.classList.contains("panel--full")) {
  panel.section.classList.toggle("panel--full", wanted);
  document.documentElement.classList.toggle("has-full-panel", wanted);
  lendLegend(panel, wanted);
  resize(panel.plot);
  // The button that was used is gone from the picture; who stands at the plot with the cell cursor stays there.
  const active = document.activeElement;
  if (!panel.section.contains(active) || active === panel.plot) return;
  panel.section.querySelector(wanted ? ".panel-close" : ".panel-more").focus({ preventScroll: true });
}

/** The one colour scale goes with a map in full size, and back to its bar. */
function lendLegend(panel, wanted) {
  const home = document.querySelector("[data-display]");
  const legend = document.querySelector(".legend");
  if (!home || !legend) return;
  const isShared = heatmapOf(panel.figure())?.meta.role === "gradient";
  (wanted && isShared ? panel.section : home).append(legend);
}

function action(text, key, run) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "menu-item";
  button.append(text);
  if (key) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    button.append(cap);
  }
  button.addEventListener("click", run);
  return button;
}

function link(text, address) {
  const anchor = document.createElement("a");
  anchor.className = "menu-item";
  anchor.textContent = text;
  anchor.download = "";
  anchor.href = address() ?? "";
  // The address follows the view: it is read when the link is used.
  const renew = () => {
    anchor.href = address() ?? "";
  };
  anchor.addEventListener("pointerdown", renew);
  anchor.addEventListener("focus", renew);
  return anchor;
}

/** What no run has recorded is in the figure alone. */
function saveTable(panel, name) {
  const figure = panel.figure();
  if (!figure) return;
  const { head, rows } = tableOf(figure, Infinity);
  const quoted = [head, ...rows].map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(","));
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(new Blob([quoted.join("\n")], { type: "text/csv" }));
  anchor.download = `${name}.csv`;
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}

function showTable(panel, title, csv) {
  const figure = panel.figure();
  if (!figure) return;
  const { head, rows } = tableOf(figure, TABLE_ROWS);
  const scroller = element("div", "table-scroll");
  scroller.tabIndex = 0;
  scroller.append(tableElement(head, rows));
  const all = element("a", "button", "Everything as CSV");
  if (csv) Object.assign(all, { href: csv, download: "" });
  openSheet(`${title} as a table`, title, [scroller], csv ? [all] : []);
}

/** @param {string[]} head @param {(string | Node)[][]} rows */
export function tableElement(head, rows) {
  const table = document.createElement("table");
  const top = table.createTHead().insertRow();
  for (const text of head) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    top.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const text of row) line.insertCell().append(...(typeof text === "string" ? raised(text) : [text]));
  }
  return table;
}

/** Address of one statistic's numbers. @param {string} run @param {string} statistic @param {object} query by coordinate, and `format` */
export function dataAddress(run, statistic, query) {
  return apiUrl(`/runs/${run}/statistics/${statistic}`, query);
}
