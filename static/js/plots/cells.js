// One cell of a heatmap in words: for the read-out under the pointer, the cell cursor of the keyboard, and the table.
import { KIND, KIND_WORDS, at, kind, number, ratio } from "./scale.js";
import { magnitudeText, short, unescaped } from "./words.js";

/** What the axes of a figure are called in a sentence. */
const AXES = {
  hidden_gradient_norm: { x: "step", y: "t" },
  hidden_gradient: { x: "t", y: "unit" },
  loss_state_gradient: { x: "state k", y: "loss t" },
  activation_comparison: { x: "", y: "t" },
};

function namesOf(trace, name) {
  return trace.meta.names ?? AXES[name] ?? { x: "x", y: "y" };
}

/** @param {{data: object[], layout: object}} figure decoded @returns {object | undefined} the heatmap, of magnitudes or of plain numbers */
export function heatmapOf(figure) {
  return figure?.data.find((trace) => trace.meta?.role === "gradient" || trace.meta?.role === "plain");
}

/** @param {object} trace @returns {{kind: number, log10: number, ratio: number, x: number, y: number}} */
export function cellOf(trace, row, column) {
  const { meta } = trace;
  const log10 = trace.z[row][column];
  const x = trace.x[column];
  const y = trace.y[row];
  // Over training steps what is not defined comes after the last time asked, where other times have their numbers.
  const isBeyond = meta.names ? x > y : !Number.isNaN(at(meta.reference, meta.along, row, column) ?? NaN);
  const future = Boolean(meta.future) && Number.isNaN(log10) && isBeyond;
  return {
    kind: kind(log10, at(meta.floor, meta.along, row, column), future),
    log10,
    ratio: ratio(log10, at(meta.reference, meta.along, row, column) ?? NaN),
    x,
    y,
  };
}

/** @param {string} name of the figure @returns {string} "step 150, t 23: 10^−7.2, ratio 10^−6.1" */
export function describeCell(name, trace, row, column) {
  const cell = cellOf(trace, row, column);
  const words = namesOf(trace, name);
  const label = trace.customdata?.[row]?.[column];
  const y = name === "hidden_gradient" && label !== undefined ? label : round(cell.y);
  const x = name === "activation_comparison" ? unescaped(label) : `${words.x} ${round(cell.x)}`;
  const place = `${x}, ${words.y} ${y}`;
  if (cell.kind !== KIND.FINITE) return `${place}: ${KIND_WORDS[cell.kind]}`;
  if (trace.meta.role === "plain") return `${place}: ${[words.z, told(cell, trace)].filter(Boolean).join(" ")}`;
  const against = Number.isNaN(cell.ratio) ? "" : `, ratio ${magnitudeText(cell.ratio)}`;
  return `${place}: ${magnitudeText(cell.log10)}${against}`;
}

/**
 * A sentence on the whole picture, from the last time asked back to the first.
 * @param {string} title @param {object} trace @param {number} column
 */
export function summarize(title, trace, column) {
  if (!trace?.z.length || !trace.z[0].length) return `${title}: nothing recorded yet`;
  const safe = Math.min(Math.max(column, 0), trace.z[0].length - 1);
  const first = cellOf(trace, 0, safe);
  const last = cellOf(trace, trace.z.length - 1, safe);
  return `${title}: at step ${round(first.x)} the gradient norm goes from ${told(last, trace)} at the last time step to ${told(first, trace)} at the first`;
}

function told(cell, { meta }) {
  if (cell.kind !== KIND.FINITE) return KIND_WORDS[cell.kind];
  return meta.role !== "gradient" && !meta.log10 ? short(cell.log10) : magnitudeText(cell.log10);
}

function round(value) {
  return String(Math.round(number(value) * 10) / 10);
}

/** Rows of a figure as a table: coordinates and what is drawn there. @param {number} most rows */
export function tableOf(figure, most) {
  const { head, rows } = tableAsDrawn(figure, most);
  return { head: head.map(unescaped), rows: rows.map((row) => row.map(unescaped)) };
}

function tableAsDrawn(figure, most) {
  const trace = heatmapOf(figure) ?? figure.data.find((one) => one.type === "heatmap");
  if (Array.isArray(trace?.text)) return labelledTable(trace, figure.layout);
  if (trace) return heatmapTable(trace, figure.layout.meta?.figure, most);
  const lines = figure.data.filter((line) => line.x?.length);
  const named = lines.find((line) => line.meta?.role === "rows");
  if (named) return { head: ["", "share"], rows: named.text.map((name, i) => [name, short(named.x[i])]) };
  const each = Math.max(Math.floor(most / Math.max(lines.length, 1)), 2);
  // Such figures carry log10 itself; a heatmap's cells are written in the same way.
  const { log10, figure: name } = figure.layout.meta ?? {};
  const text = (value) => (log10 || name === "decay" ? magnitudeText(value) : short(value));
  const rows = lines.flatMap((line) =>
    evenly(line.x.length, each).map((i) => [
      line.name ?? line.meta?.role ?? "",
      round(line.x[i]),
      Number.isFinite(line.y[i]) ? text(line.y[i]) : "not finite",
    ]),
  );
  return { head: ["", titleOf("x", lines, figure.layout), titleOf("y", lines, figure.layout)], rows };
}

/** What the axis of some lines is called; its letter where they stand on several. */
function titleOf(letter, lines, layout) {
  const isAlone = lines.every((line) => (line[`${letter}axis`] ?? letter) === letter);
  const title = isAlone && layout[`${letter}axis`]?.title?.text;
  return title ? title.replaceAll("<sup>", "^").replace(/<[^>]*>/g, "") : letter;
}

/** So many places of a list at most, evenly apart, the first and the last among them. */
function evenly(length, most) {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / Math.max(count - 1, 1)));
}

/** A grid whose rows and columns are words, and whose cells say what is in them. */
function labelledTable({ text, x, y }, { xaxis, yaxis }) {
  const head = ["", ...(xaxis.ticktext ?? Array.from(x, round))];
  const names = yaxis.ticktext ?? Array.from(y, round);
  return { head, rows: text.map((row, i) => [names[i], ...row]).reverse() };
}

function heatmapTable(trace, name, most) {
  const words = namesOf(trace, name);
  const picked = evenly(trace.x.length, 12);
  const head = [words.y, ...picked.map((column) => `${words.x} ${trace.customdata && name === "activation_comparison" ? trace.customdata[0][column] : round(trace.x[column])}`.trim())];
  const rows = [];
  for (const row of evenly(trace.z.length, most).reverse()) {
    const label = name === "hidden_gradient" ? trace.customdata?.[row]?.[0] : undefined;
    rows.push([String(label ?? round(trace.y[row])), ...picked.map((column) => told(cellOf(trace, row, column), trace))]);
  }
  return { head, rows };
}
