// A chart of which only the numbers changed: its lines, bars, cells, rules and words are moved where Plotly has drawn them. The
// same picture as Plotly's, without axes and layout, in a tenth of the time. Whatever else changed is Plotly's to draw.
import { XLINK, isEven, pictureOf, same } from "./repaint.js";

/** What may change of each kind of part without anything around it having to. */
const LINE = new Set(["x", "y"]);
const BAR = new Set(["y"]);
const MAP = new Set(["x", "z", "customdata", "meta"]);
const NOTE = new Set(["text", "x", "y", "xanchor", "yanchor", "xshift", "yshift"]);
const RULE = new Set(["x0", "x1"]);
// Lines and bars that do not go from number to number, and from the ground to a number.
const BENT = ["fill", "stackgroup", "connectgaps", "error_x", "error_y"];
const STACKED = ["base", "offset", "orientation", "error_y", "text"];
const MARKUP = /[&\n]|<\/?\w/; // what Plotly makes more of than a line of text
const SHARES = { left: 0, center: 0.5, right: 1, top: 0, middle: 0.5, bottom: 1 };
const BAR_EDGE = 2; // thinner bars are widened to be seen, as Plotly does

const sameBut = (a, b, free) => [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => free.has(name) || same(a[name], b[name]));
const rest = ({ meta, annotations, shapes, ...layout }) => layout;

/** An axis whose ends are said: they do not follow the numbers. */
function axisOf(element, layout, name = "x") {
  const key = `${name[0]}axis${name.slice(1)}`;
  return Array.isArray(layout[key]?.range) ? element._fullLayout[key] : null;
}

const isDrawnIn = (element, trace) => (group) => group.__data__?.[0]?.trace?.uid === trace.uid;

/** @returns {string} the path of a line, which has a gap wherever there is no number */
export function pathOf(xs, ys, xaxis, yaxis) {
  let [path, isDown] = ["", false];
  for (let i = 0; i < xs.length; i += 1) {
    const x = xaxis.d2p(xs[i]);
    const y = yaxis.d2p(ys[i]);
    const isPoint = Number.isFinite(x) && Number.isFinite(y);
    if (isPoint) path += `${isDown ? "L" : "M"}${x.toFixed(2)},${y.toFixed(2)}`;
    isDown = isPoint;
  }
  return path;
}

// Each of these looks first, and returns what there is to do; null: not for here.
function movedLine(element, { layout }, trace, full) {
  const [xaxis, yaxis] = [axisOf(element, layout, trace.xaxis ?? "x"), axisOf(element, layout, trace.yaxis ?? "y")];
  const group = [...element.querySelectorAll(".scatterlayer > .trace")].find(isDrawnIn(element, full));
  const [first, ...more] = group?.querySelectorAll(".js-line") ?? [];
  if (trace.visible === false) return () => {};
  if (trace.mode !== "lines" || BENT.some((way) => trace[way]) || trace.line?.shape || !xaxis || !yaxis || !first || !trace.x.length) return null;
  const path = pathOf(trace.x, trace.y, xaxis, yaxis);
  return () => {
    first.setAttribute("d", path || "M0,0");
    for (const piece of more) piece.setAttribute("d", "M0,0");
  };
}

const seen = (at, from) => (Math.abs(at - from) >= BAR_EDGE ? Math.round(at) : at > from ? Math.ceil(at) : Math.floor(at));

function movedBars(element, { layout }, trace, full) {
  const [xaxis, yaxis] = [axisOf(element, layout, trace.xaxis ?? "x"), axisOf(element, layout, trace.yaxis ?? "y")];
  const group = [...element.querySelectorAll(".barlayer > .trace")].find(isDrawnIn(element, full));
  const bars = [...(group?.querySelectorAll(".point > path") ?? [])];
  if (STACKED.some((way) => trace[way]) || layout.barmode || !xaxis || !yaxis || !bars.length || bars.length !== trace.y.length) return null;
  const ground = yaxis.d2p(0);
  const paths = bars.map((bar, i) => {
    const sides = [xaxis.c2p(bar.__data__.p0), xaxis.c2p(bar.__data__.p1)];
    const top = yaxis.d2p(trace.y[i]);
    return `M${seen(sides[0], sides[1])},${seen(ground, top)}V${seen(top, ground)}H${seen(sides[1], sides[0])}V${seen(ground, top)}Z`;
  });
  return paths.some((path) => path.includes("NaN")) ? null : () => bars.forEach((bar, i) => bar.setAttribute("d", paths[i]));
}

/** Where columns begin and end: half way to the next. @param {ArrayLike<number>} xs two at least @returns {number[]} */
export function bordersOf(xs) {
  const n = xs.length;
  const inner = Array.from({ length: n - 1 }, (_, i) => (xs[i] + xs[i + 1]) / 2);
  return [1.5 * xs[0] - xs[1] / 2, ...inner, 1.5 * xs[n - 1] - xs[n - 2] / 2];
}

/** Rows with a cell a pixel, for columns that are not all as wide. */
export function widened(rows, borders) {
  const ends = borders.map((border) => Math.round(border - borders[0]));
  return rows.map((row) => {
    const out = new Float32Array(Math.max(ends.at(-1), 1));
    for (let x = 0; x < row.length; x += 1) out.fill(row[x], ends[x], ends[x + 1]);
    return out;
  });
}

function areEqual(borders) {
  const wide = (borders.at(-1) - borders[0]) / (borders.length - 1);
  return borders.every((border, i) => Math.abs(border - borders[0] - i * wide) < wide / 100);
}

function movedMap(element, { layout }, trace, full) {
  const [xaxis, yaxis] = [axisOf(element, layout, trace.xaxis ?? "x"), axisOf(element, layout, trace.yaxis ?? "y")];
  const group = [...element.querySelectorAll(".hm")].find(isDrawnIn(element, full));
  const image = group?.querySelector("image");
  const areLinear = [xaxis, yaxis].every((axis) => axis?.type === "linear" && axis.range[0] < axis.range[1]);
  if (!image || !areLinear || trace.x.length < 2 || trace.y.length < 2 || !isEven(trace) || !areEqual(bordersOf(trace.y))) return null;
  const borders = bordersOf(trace.x).map((border) => xaxis.c2p(border));
  if (borders[0] < -1 || borders.at(-1) > xaxis._length + 1) return null;
  return () => {
    image.setAttribute("style", "image-rendering: pixelated");
    image.setAttribute("x", String(borders[0]));
    image.setAttribute("width", String(Math.round(borders.at(-1) - borders[0])));
    image.setAttributeNS(XLINK, "xlink:href", pictureOf(areEqual(borders) ? trace.z : widened(trace.z, borders), trace));
  };
}

let pen = null;

function widthOf(words, { fontSize, fontFamily }) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${fontSize} ${fontFamily}`;
  return pen.measureText(words).width;
}

/** Where a note hangs, in pixels along an axis; null where that is not in the picture. */
function hookOf(element, layout, note, along) {
  const { _size: size } = element._fullLayout;
  const [start, length] = along === "x" ? [size.l, size.w] : [size.t, size.h];
  const ref = note[`${along}ref`] ?? along;
  if (ref === "paper") return start + length * (along === "x" ? note.x : 1 - note.y);
  const axis = axisOf(element, layout, ref);
  const at = axis?.r2p(note[along]);
  return at >= 0 && at <= axis._length ? axis._offset + at : null;
}

function movedNote(element, { layout }, note, index, before) {
  const group = element.querySelector(`.annotation[data-index="${index}"] .cursor-pointer`);
  const [text, box] = [group?.querySelector("text"), group?.querySelector("rect")];
  const hooks = ["x", "y"].map((along) => hookOf(element, layout, note, along));
  const isNew = note.text !== before.text;
  const areAnchored = note.xanchor in SHARES && note.yanchor in SHARES;
  if (!text || !box || !areAnchored || hooks.includes(null) || (isNew && (MARKUP.test(note.text) || MARKUP.test(before.text)))) return null;
  const pad = 1 + (note.borderpad ?? 1);
  const width = isNew ? widthOf(note.text, text.style) : 0;
  const wide = isNew ? Math.round(width + 2 * pad) : Number(box.getAttribute("width")) + 1;
  const high = Number(box.getAttribute("height")) + 1;
  const left = Math.round(hooks[0] + (note.xshift ?? 0) - SHARES[note.xanchor] * wide);
  const top = Math.round(hooks[1] - (note.yshift ?? 0) - SHARES[note.yanchor] * high);
  return () => {
    group.setAttribute("transform", `translate(${left},${top})`);
    if (!isNew) return;
    box.setAttribute("width", String(wide - 1));
    text.setAttribute("x", String(width / 2 + pad));
    text.setAttribute("data-unformatted", note.text);
    text.textContent = note.text;
  };
}

function movedRule(element, { layout }, shape, index) {
  const rule = element.querySelector(`.shapelayer path[data-index="${index}"]`);
  const ends = /^M[\d.-]+,([\d.-]+)L[\d.-]+,([\d.-]+)$/.exec(rule?.getAttribute("d") ?? "");
  const axis = axisOf(element, layout, shape.xref ?? "x");
  if (shape.type !== "line" || !ends || !axis) return null;
  const [from, to] = [shape.x0, shape.x1].map((x) => axis._offset + axis.r2p(x));
  return () => rule.setAttribute("d", `M${from},${ends[1]}L${to},${ends[2]}`);
}

const KINDS = { scatter: [LINE, movedLine], bar: [BAR, movedBars], heatmap: [MAP, movedMap] };

function movesOf(element, before, figure) {
  const moves = [];
  const look = (old, now, free, moved) => {
    if (same(old, now)) return true;
    const move = sameBut(old, now, free) ? moved() : null;
    if (move) moves.push(move);
    return Boolean(move);
  };
  const [old, now] = [before, figure].map(({ data, layout: { annotations = [], shapes = [] } }) => ({ data, annotations, shapes }));
  if (Object.keys(old).some((kind) => old[kind].length !== now[kind].length) || !same(rest(before.layout), rest(figure.layout))) return null;
  const areMoved =
    now.data.every((trace, i) => {
      const [free, moved] = KINDS[trace.type] ?? [new Set(), () => null];
      return look(old.data[i], trace, free, () => moved(element, figure, trace, element._fullData[i]));
    }) &&
    now.annotations.every((note, i) => look(old.annotations[i], note, NOTE, () => movedNote(element, figure, note, i, old.annotations[i]))) &&
    now.shapes.every((shape, i) => look(old.shapes[i], shape, RULE, () => movedRule(element, figure, shape, i)));
  return areMoved ? moves : null;
}

/**
 * Move the parts of a drawn figure.
 * @param {HTMLElement} element @param {{data: object[], layout: object}} before what is drawn
 * @param {{data: object[], layout: object}} figure @returns {boolean} false: this is not for here, and nothing was moved
 */
export function retrace(element, before, figure) {
  const moves = element._fullLayout ? movesOf(element, before, figure) : null;
  if (!moves) return false;
  for (const move of moves) move();
  // What Plotly draws next time, and counts anew then: until it has, there is nothing under the pointer that it could tell.
  figure.data.forEach((trace, i) => {
    Object.assign(element.data[i], trace);
    for (const name of KINDS[trace.type]?.[0] ?? []) element._fullData[i][name] = trace[name];
  });
  for (const name of ["annotations", "shapes", "meta"]) element.layout[name] = figure.layout[name];
  element.calcdata = undefined;
  return true;
}
