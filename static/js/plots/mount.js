// The only caller of Plotly. Plotly is a script of its own that may come later than the first figure.
import { onlyCells, remembered, repaint } from "./repaint.js";

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

/** What each element was given when Plotly last drew it. */
const drawn = new WeakMap();

/** @param {HTMLElement} element @param {{data: object[], layout: object}} figure */
export async function draw(element, figure) {
  const Plotly = await plotly();
  const isFirst = !element.layout;
  if (isFirst) await inTurn();
  drawn.set(element, remembered(figure));
  // Its settings are given once: with them Plotly compares all of its own at every drawing.
  await Plotly.react(element, figure.data, figure.layout, isFirst ? CONFIG : undefined);
}

/**
 * Draw what takes no time: a figure of which only the cells of its heatmap changed.
 * @param {HTMLElement} element @param {{data: object[], layout: object}} figure @returns {boolean} false: it takes `draw`
 */
export function drawCells(element, figure) {
  const before = drawn.get(element);
  const at = before ? onlyCells(before, figure) : -1;
  return at >= 0 && repaint(element, at, figure);
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
  if (element.layout) (await plotly()).Plots.resize(element);
}

/** @param {HTMLElement} element @param {"png" | "svg"} format @param {string} filename */
export async function saveImage(element, format, filename) {
  const Plotly = await plotly();
  const { width, height } = element.getBoundingClientRect();
  await Plotly.downloadImage(element, { format, filename, width, height, scale: format === "png" ? 2 : 1 });
}

/** @param {HTMLElement} element */
export async function remove(element) {
  drawn.delete(element);
  if (element.layout) (await plotly()).purge(element);
}
