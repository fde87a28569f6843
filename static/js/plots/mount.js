// The only caller of Plotly. Plotly is a script of its own that may come later than the first figure.
import { onlyCells, remembered, repaint } from "./repaint.js";
import { retrace } from "./retrace.js";

const CONFIG = { displaylogo: false, displayModeBar: false, responsive: true, showTips: false, doubleClick: "reset" };

let loading = null;

/** @returns {Promise<any>} Plotly, once its script is there */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.querySelector("script[data-plotly]");
    if (!script) return reject(new Error("this page has no script for figures"));
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => reject(new Error("the script that draws figures did not load")));
  });
  return loading;
}

let turn = Promise.resolve();

const nextTask = () => globalThis.scheduler?.yield?.() ?? new Promise((done) => setTimeout(done));

/** One drawing a task: the page answers in between. */
export function inTurn() {
  turn = turn.then(nextTask);
  return turn;
}

/** Until what was painted so far is seen. */
export const nextFrame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

/** What each element was given when Plotly last drew it, or what was moved in its drawing since. */
const drawn = new WeakMap();
/** The elements in whose drawing something was moved that Plotly has not counted. */
const moved = new Set();
let revision = 0;

/** @param {HTMLElement} element @param {{data: object[], layout: object}} figure */
export async function draw(element, figure) {
  const Plotly = await plotly();
  const isFirst = !element.layout;
  if (isFirst) await inTurn();
  await react(Plotly, element, figure);
  if (isFirst) element.addEventListener("pointerenter", () => settle(element));
}

function react(Plotly, element, figure) {
  drawn.set(element, remembered(figure));
  // Plotly counts anew what it has not drawn itself.
  if (moved.delete(element)) figure.layout.datarevision = revision += 1;
  // Its settings are given once: with them Plotly compares all of its own at every drawing.
  return Plotly.react(element, figure.data, figure.layout, element.layout ? undefined : CONFIG);
}

/** Let Plotly draw what was moved without it: it tells what is under the pointer, and makes pictures of it. */
async function settle(element) {
  const Plotly = await plotly();
  if (!moved.has(element)) return;
  const { data, layout } = remembered(drawn.get(element));
  await react(Plotly, element, { data, layout: { ...layout, meta: element.layout.meta } });
}

/**
 * Draw what takes no time: a figure of which only the cells of its heatmap changed, or the numbers of its lines and bars.
 * @param {HTMLElement} element @param {{data: object[], layout: object}} figure @returns {boolean} false: it takes `draw`
 */
export function drawQuickly(element, figure) {
  const before = drawn.get(element);
  if (!before) return false;
  const at = onlyCells(before, figure);
  if (at >= 0 && repaint(element, at, figure)) return true;
  // Under the pointer it is Plotly that says what is there.
  if (element.matches(":hover") || !retrace(element, before, figure)) return false;
  drawn.set(element, remembered(figure));
  moved.add(element);
  return true;
}

/** @param {HTMLElement} element @param {(point: {x: number, y: number, row: number, column: number} | null) => void} onCell */
export function onHover(element, onCell) {
  element.on("plotly_hover", ({ points }) => {
    const [point] = points;
    if (!["gradient", "plain"].includes(point.data.meta?.role)) return;
    const [row, column] = point.pointIndex ?? point.pointNumber;
    onCell({ x: point.x, y: point.y, row, column });
  });
  element.on("plotly_unhover", () => onCell(null));
}

// What can be clicked: cells of gradients, and those of a sweep.
const PICKED = new Set(["gradient", "cells"]);

/** @param {HTMLElement} element @param {(point: {x: number, y: number, z: number}) => void} onPick a cell was clicked */
export function onClick(element, onPick) {
  element.on("plotly_click", ({ points: [point] }) => {
    if (PICKED.has(point.data.meta?.role)) onPick({ x: point.x, y: point.y, z: point.z });
  });
}

/**
 * Where the axes of a drawn figure are, in pixels from its edges. A legend takes room of its own that no margin says.
 * @param {HTMLElement} element @returns {{l: number, r: number, t: number, b: number} | null}
 */
export function roomAround({ layout, _fullLayout: drawn }) {
  return drawn?._size ?? layout?.margin ?? null;
}

/** @param {HTMLElement} element @param {() => void} onMoved the axes of a drawn figure were zoomed or reset */
export function onZoom(element, onMoved) {
  element.on("plotly_relayout", onMoved);
}

/** @param {HTMLElement} element */
export async function resize(element) {
  await settle(element);
  if (element.layout) (await plotly()).Plots.resize(element);
}

/** @param {HTMLElement} element @param {"png" | "svg"} format @param {string} filename */
export async function saveImage(element, format, filename) {
  const Plotly = await plotly();
  await settle(element);
  const { width, height } = element.getBoundingClientRect();
  await Plotly.downloadImage(element, { format, filename, width, height, scale: format === "png" ? 2 : 1 });
}

/** @param {HTMLElement} element */
export async function remove(element) {
  drawn.delete(element);
  moved.delete(element);
  if (element.layout) (await plotly()).purge(element);
}
