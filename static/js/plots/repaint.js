// A heatmap of which only the numbers changed: its picture is made anew where Plotly has put it, and all around it stays.
// The same pixels as Plotly's, without the axes, in a tenth of the time. Whatever else changed is Plotly's to draw.

/** What of a heatmap may change without anything around its cells having to. */
const CELLS = new Set(["z", "customdata", "meta"]);
const OPAQUE = 255;
export const XLINK = "http://www.w3.org/1999/xlink";

/** Whether two values of a figure say the same; arrays by their numbers. */
export function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (ArrayBuffer.isView(a) || Array.isArray(a)) return a.length === b.length && a.constructor === b.constructor && a.every((one, i) => same(one, b[i]));
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]));
}

function sameTrace(a, b) {
  const cells = a.type === "heatmap" ? CELLS : new Set();
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => cells.has(name) || same(a[name], b[name]));
}

/**
 * The place of the one heatmap among the traces of a figure, if its cells are all that changed.
 * @param {{data: object[], layout: object}} before @param {{data: object[], layout: object}} now @returns {number} −1: they are not
 */
export function onlyCells(before, now) {
  const heatmaps = now.data.filter((trace) => trace.type === "heatmap");
  const isOne = heatmaps.length === 1 && now.data.length === before.data.length;
  if (!isOne || !now.data.every((trace, i) => sameTrace(before.data[i], trace))) return -1;
  return same(withoutMeta(before.layout), withoutMeta(now.layout)) ? now.data.indexOf(heatmaps[0]) : -1;
}

function withoutMeta({ meta, ...layout }) {
  return layout;
}

/** What is drawn, kept as it was given: Plotly writes into what it is handed. */
export function remembered({ data, layout }) {
  return { data: data.map((trace) => ({ ...trace })), layout: structuredClone(withoutMeta(layout)) };
}

/**
 * The colours of cells, the last row first, as Plotly mixes them: linear between the anchors, clamped at the ends, and
 * transparent where there is no number.
 * @param {ArrayLike<number>[]} rows @param {{zmin: number, zmax: number, colorscale: [number, string][]}} scale evenly spaced, as #rrggbb
 * @returns {Uint8ClampedArray} four bytes a cell
 */
export function colorsOf(rows, { zmin, zmax, colorscale }) {
  const anchors = colorscale.map(([, color]) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)));
  const last = anchors.length - 1;
  const width = rows[0]?.length ?? 0;
  const out = new Uint8ClampedArray(4 * width * rows.length);
  rows.forEach((row, y) => {
    let at = 4 * width * (rows.length - 1 - y);
    for (let x = 0; x < width; x += 1, at += 4) {
      if (!Number.isFinite(row[x])) continue;
      const place = Math.min(Math.max((row[x] - zmin) / (zmax - zmin), 0), 1) * last;
      const lower = Math.min(Math.floor(place), last - 1);
      const share = place - lower;
      for (let part = 0; part < 3; part += 1) out[at + part] = Math.round(anchors[lower][part] * (1 - share) + anchors[lower + 1][part] * share);
      out[at + 3] = OPAQUE;
    }
  });
  return out;
}

let canvas = null;

/** The picture of cells, as an address. */
export function pictureOf(rows, trace) {
  canvas ??= document.createElement("canvas");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(new ImageData(colorsOf(rows, trace), canvas.width), 0, 0);
  return canvas.toDataURL("image/png");
}

/** Whether a colour scale is one that `colorsOf` knows. */
export function isEven({ colorscale }) {
  return Array.isArray(colorscale) && colorscale.every(([at, color], i) => color.length === 7 && Math.abs(at - i / (colorscale.length - 1)) < 1e-9);
}

/** Whether the picture that is there has a pixel for every cell, and lies as we would paint it. */
function isPlain(image, trace, drawn, layout) {
  const { z } = trace;
  const ascending = [layout.xaxis, layout.yaxis].every(({ type, range: [low, high] }) => type === "linear" && low < high);
  // Of a map without a single number Plotly keeps no cells.
  const sized = drawn?.z?.length === z.length && drawn.z[0]?.length === z[0]?.length;
  return image?.style.imageRendering === "pixelated" && ascending && sized && z.length > 0 && isEven(trace);
}

/**
 * Paint the cells of a drawn figure anew.
 * @param {HTMLElement} element @param {number} at which of its traces
 * @param {{data: object[], layout: object}} figure @returns {boolean} false: this is not for here
 */
export function repaint(element, at, { data, layout }) {
  const trace = data[at];
  const image = element.querySelector(".hm > image");
  const { calcdata, _fullData: full, _fullLayout: frame } = element;
  const drawn = calcdata?.[at]?.[0];
  if (!isPlain(image, trace, drawn, frame)) return false;
  image.setAttributeNS(XLINK, "xlink:href", pictureOf(trace.z, trace));
  // What Plotly knows of the cells: for its hover, its next drawing, and its pictures as files.
  Object.assign(element.data[at], trace);
  for (const name of CELLS) full[at][name] = trace[name];
  drawn.z = trace.z.map((row) => Array.from(row, (value) => (Number.isFinite(value) ? value : undefined)));
  element.layout.meta = layout.meta;
  return true;
}
