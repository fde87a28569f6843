// What Plotly is given: a figure as it came, in the mode, range, theme and size of this page. Pure, and without network.
import { colorscale, limits, shownRows } from "./scale.js";
import { paintAxis, paintNote, paintShape, paintTrace } from "./theme.js";

/** Room around each figure's axes, in pixels. */
const MARGINS = {
  hidden_gradient_norm: { l: 44, r: 18, t: 4, b: 34 },
  decay: { l: 58, r: 12, t: 8, b: 38 },
  activation_slope_histogram: { l: 40, r: 16, t: 8, b: 36 },
  saturation: { l: 44, r: 62, t: 8, b: 34 },
  loss: { l: 44, r: 22, t: 8, b: 36 },
  gradient_norm: { l: 44, r: 22, t: 8, b: 36 },
  activation_product: { l: 60, r: 18, t: 8, b: 36 },
  jacobian_product_norm: { l: 60, r: 12, t: 8, b: 36 },
  parameter_gradient_norm: { l: 56, r: 18, t: 8, b: 36 },
  parameter_gradient_histogram: { l: 92, r: 12, t: 8, b: 36 },
  learning_rate: { l: 56, r: 12, t: 8, b: 36 },
  update_ratio: { l: 56, r: 18, t: 8, b: 36 },
  clipping: { l: 50, r: 18, t: 8, b: 36 },
  activation_curves: { l: 30, r: 8, t: 26, b: 36 },
  activation_comparison: { l: 46, r: 12, t: 24, b: 40 },
};
const PLAIN = { l: 44, r: 12, t: 8, b: 36 };
const ROOM_FOR_CAPTION = 20;
const ROOM_FOR_LEGEND = 26;
const ROOM_FOR_BAR = 62;
// A time of four digits and more would run into the axis's title.
const FOUR_DIGITS = 1000;
const ROOM_FOR_DIGIT = 8;
const ROOM_FOR_LINE = 14;
const SWEPT = new Set(["sweep_matrix", "success_by_lag"]);
const [FEW_LETTERS, MOST_LETTERS, ROOM_FOR_LETTER] = [3, 18, 6.5];
// So many digits of a loss fit between its axis and the word beside it.
const DIGITS_OF_LOSS = 4;

/**
 * @typedef {{mode: "ratio" | "magnitude", range: number, colors: Record<string, string>, log?: boolean, reach?: boolean, order?: "size" | "index", cursor?: boolean, picking?: boolean, manyRuns?: boolean}} View
 */

/** @param {{data: object[], layout: object}} figure decoded @param {View} view @returns {{data: object[], layout: object}} */
export function present(figure, view) {
  const name = figure.layout.meta?.figure;
  const ordered = view.order === "index" ? byIndex(figure) : figure;
  return {
    data: ordered.data.map((trace) => presentTrace(trace, view)),
    layout: presentLayout(ordered.layout, ordered.data, name, view),
  };
}

function presentTrace(trace, view) {
  const painted = paintTrace(trace, view.colors, view);
  const role = trace.meta?.role;
  if (role === "reach" || role === "reach-casing") return { ...painted, visible: view.reach !== false };
  if (role === "plain") return { ...painted, hoverinfo: "none", hovertemplate: undefined, colorbar: barOf(trace, view) };
  if (role !== "gradient") return painted;
  const [zmin, zmax] = limits(view.mode, view.range);
  return {
    ...painted,
    z: shownRows(trace.z, trace.meta, view.mode),
    zmin,
    zmax,
    colorscale: colorscale(view.mode),
    showscale: false,
    colorbar: undefined,
    hoverinfo: "none",
    hovertemplate: undefined,
  };
}

// The bar's title stands in the panel's head already, and beside the bar there is no room for it.
function barOf({ colorbar }, { colors }) {
  return { ...colorbar, title: undefined, tickfont: { color: colors.muted }, xpad: 6 };
}

function presentLayout(layout, data, name, view) {
  const { colors } = view;
  const out = { ...layout, title: undefined, autosize: true, margin: marginOf(name, layout) };
  out.paper_bgcolor = "rgba(0,0,0,0)";
  out.plot_bgcolor = "rgba(0,0,0,0)";
  out.font = { ...layout.font, family: colors.font, color: colors.muted };
  out.hoverlabel = { bgcolor: colors.card, bordercolor: colors.line, font: { family: colors.font, color: colors.text, size: 12 } };
  out.dragmode = view.picking ? false : "zoom";
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(key)) out[key] = presentAxis(layout[key], key, name, view);
  }
  out.shapes = [...grounds(data, colors), ...(layout.shapes ?? []).map((shape) => paintShape(shape, colors))];
  out.annotations = (layout.annotations ?? []).map((note) => paintNote(note, colors));
  return out;
}

function presentAxis(axis, key, name, view) {
  // Labels have their room in the margins; looking whether each fits costs Plotly a layout of the page an axis.
  const painted = { ...paintAxis(axis, view.colors), ticklabeloverflow: "allow" };
  if (view.picking) painted.fixedrange = true;
  if (axis.type === "log" && view.log === false) return linear(painted);
  return painted;
}

// Without the log the strip starts at zero and Plotly chooses its ticks.
function linear(axis) {
  const { tickvals, ticktext, ...rest } = axis;
  const range = axis.range ? [0, 10 ** axis.range[1]] : undefined;
  return { ...rest, type: "linear", range, tickmode: "auto", nticks: 3, ...(range ? {} : { rangemode: "tozero" }) };
}

function marginOf(name, layout) {
  const margin = MARGINS[name] ?? PLAIN;
  const above = (layout.annotations ?? []).some((note) => note.yref === "paper" && note.yanchor === "bottom" && note.y === 1);
  const t = Math.max(margin.t, above ? ROOM_FOR_CAPTION : 0, layout.showlegend ? ROOM_FOR_LEGEND : 0);
  const { tickvals, ticktext } = layout.yaxis ?? {};
  const isLong = Array.isArray(tickvals) && !ticktext && Math.max(...tickvals) >= FOUR_DIGITS;
  // The values of a sweep may be words.
  const letters = SWEPT.has(name) ? Math.min(Math.max(...(ticktext ?? [""]).map((text) => text.length)), MOST_LETTERS) : 0;
  const more = Math.max(letters - FEW_LETTERS, 0) + Math.max(digitsOfLoss(layout) - DIGITS_OF_LOSS, 0);
  const l = margin.l + (isLong ? ROOM_FOR_DIGIT : 0) + more * ROOM_FOR_LETTER;
  const isTwoLined = (layout.xaxis?.ticktext ?? []).some((text) => String(text).includes("<br>"));
  return { ...margin, t, l, b: margin.b + (isTwoLined ? ROOM_FOR_LINE : 0), r: layout.meta?.has_bar ? ROOM_FOR_BAR : margin.r };
}

/** Digits of the longest number along an axis of losses, raised ones too; 0 where there is none. */
function digitsOfLoss(layout) {
  const axis = Object.values(layout).find((part) => part?.title?.text === "loss");
  return Math.max(0, ...(axis?.ticktext ?? []).map((text) => text.replace(/<[^>]*>/g, "").length));
}

// Where nothing is drawn a heatmap shows this ground: not trained yet, or no number exists.
function grounds(data, colors) {
  const seen = data.filter((trace) => trace.type === "heatmap");
  return seen.map((trace) => ({
    type: "rect",
    name: "ground",
    layer: "below",
    xref: `${trace.xaxis ?? "x"} domain`,
    yref: `${trace.yaxis ?? "y"} domain`,
    x0: 0,
    x1: 1,
    y0: 0,
    y1: 1,
    fillcolor: colors.sunken,
    line: { width: 0 },
  }));
}

/** Units in the order of the network instead of their size. Pooled units have no order to go back to. */
function byIndex(figure) {
  const order = figure.layout.meta?.order;
  const heatmap = figure.data.find((trace) => trace.meta?.role === "gradient");
  if (!order || !heatmap || heatmap.z.length !== order.length) return figure;
  const z = new Array(order.length);
  const units = new Array(order.length);
  order.forEach((unit, row) => {
    z[unit] = heatmap.z[row];
    units[unit] = heatmap.customdata?.[row];
  });
  const moved = new Map(order.map((unit, row) => [row, unit]));
  return {
    data: figure.data.map((trace) => {
      if (trace === heatmap) return { ...trace, z, customdata: heatmap.customdata ? units : undefined };
      return trace.fill === "toself" ? { ...trace, ...movedBoxes(trace, moved) } : trace;
    }),
    layout: { ...figure.layout, yaxis: { ...figure.layout.yaxis, title: { ...figure.layout.yaxis.title, text: "unit" } } },
  };
}

// A box may cover several rows that part in the other order: it becomes one box a row.
function movedBoxes(trace, moved) {
  const xs = [];
  const ys = [];
  for (let i = 0; i < trace.x.length; i += 6) {
    const [left, right] = [trace.x[i], trace.x[i + 1]];
    for (let row = Math.round(trace.y[i] + 0.5); row + 0.5 <= trace.y[i + 2] + 1e-9; row += 1) {
      const at = moved.get(row);
      if (xs.length) {
        xs.push(NaN);
        ys.push(NaN);
      }
      xs.push(left, right, right, left, left);
      ys.push(at - 0.5, at - 0.5, at + 0.5, at + 0.5, at - 0.5);
    }
  }
  return { x: xs, y: ys };
}
