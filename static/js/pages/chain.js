// One term of a sum, factor by factor: a click on a cell of a matrix opens the chain from that loss back to that state.
import { tableElement } from "../plots/panel_menu.js";
import { showMagnitude } from "../plots/words.js";
import { element, openSheet } from "../shell/dialog.js";
import { apiUrl, getJson, numberOf } from "../wire/api.js";

// A factor of 10 or a tenth fills half of a bar.
const BAR_DECADES = 2;

/**
 * Where a cell of a matrix is: its times, of which pooled columns have the middle.
 * @param {{x: number, y: number, z: number}} cell state k, loss t, and what is drawn there
 * @returns {{loss_time: number, state_time: number} | null} null where no way leads, as from a loss to the future
 */
export function timesOf({ x, y, z }) {
  const [state, loss] = [Math.max(Math.round(x), 1), Math.round(y)];
  // A layer that reads backwards has its states after the loss.
  return state > loss && Number.isNaN(z) ? null : { loss_time: loss, state_time: state };
}

/**
 * What a term comes to, in a sentence of words and of log10s, which are written as magnitudes.
 * @param {object} chain as the service tells it @returns {(string | number)[]}
 */
export function sentenceOf({ loss_time: loss, state_time: state, lag, parameter, walls, term, arriving }) {
  const far = Math.abs(lag);
  const way = lag ? `${far} ${far === 1 ? "step" : "steps"} ${lag < 0 ? "on" : "back"}` : "at the same time";
  const start = `What the loss at t = ${loss} tells ${parameter} through the state at k = ${state}, ${way}: `;
  if (walls.length) return [`${start}nothing, since truncation cuts the way after t = ${walls.join(", ")}.`];
  const norm = numberOf(term.log10_norm);
  if (norm === -Infinity) return [`${start}exactly zero.`];
  const found = [start, norm, "."];
  // The colour of the cell that was opened: of a read-out's parameter there is none.
  return arriving.log10_norm.length ? [...found, " The state itself is told ", numberOf(arriving.log10_norm.at(-1)), "."] : found;
}

/** Why the norms multiply to more than the term. @param {object} chain @returns {(string | number)[]} */
export function boundOf({ factors, lag, is_product: isProduct, walls }) {
  if (walls.length) return [];
  if (!isProduct) return ["In a lower layer more comes from above at every step: the term is more than this product."];
  if (!lag) return ["The term is the product of these matrices."];
  const most = factors.reduce((sum, factor) => sum + numberOf(factor.log10_norm), 0);
  return [
    "The term is the product of these matrices. A norm is the most that a matrix lets through, whatever the direction, so all of them multiply to a bound, ",
    most,
    "; what this gradient keeps at each step stands beside them.",
  ];
}

/**
 * A factor's share of a bar around 1: left of the middle it shrinks the gradient, right of it it lets it grow.
 * @param {number} log10 @returns {{kind: "shrinks" | "grows" | "none", share: number}} of half the width
 */
export function barOf(log10) {
  if (Number.isNaN(log10)) return { kind: "none", share: 0 };
  const share = Math.min(Math.abs(log10) / BAR_DECADES, 1);
  return { kind: log10 < 0 ? "shrinks" : "grows", share };
}

/** Open the chain of one cell. @param {string} run @param {{step: number, loss_time: number, state_time: number, parameter: string | null, layer: string}} cell */
export async function openChain(run, cell) {
  const path = `/runs/${run}/chain`;
  const chain = await getJson(path, { query: cell });
  const notes = [prose("small", sentenceOf(chain)), prose("small muted", boundOf(chain))];
  const scroller = element("div", "table-scroll");
  scroller.tabIndex = 0;
  const left = leftAfter(chain);
  const rows = chain.factors.map((factor, i) => rowOf(factor, left[i], left[i - 1]));
  rows.push([symbol("the term", "as the matrix of path terms has it"), "", "", power(chain.term.log10_norm)]);
  scroller.append(tableElement(["Factor", "Lets through at most", "Kept of this gradient", "What is left"], rows));
  const told = element("p", "small muted", `Norms are means of logarithms over ${chain.samples} samples${leftOut(chain)}.`);
  const raw = element("a", "button", "As JSON");
  Object.assign(raw, { href: apiUrl(path, cell), download: "" });
  openSheet("A term, factor by factor", `t = ${chain.loss_time} back to k = ${chain.state_time}, at step ${chain.step}`, [...notes, scroller, told], [raw]);
}

/**
 * What is left of the gradient behind each factor: from the state at the loss's time back to that of the term.
 * @param {object} chain @returns {(number | undefined)[]} log10 by factor; undefined before and behind the states
 */
export function leftAfter({ factors, arriving }) {
  const norms = arriving.log10_norm.map(numberOf);
  const first = factors.findIndex((factor) => factor.name === "logits_by_state");
  return factors.map((factor, i) => (factor.name.endsWith("by_state") && first >= 0 ? norms[i - first] : undefined));
}

function rowOf(factor, left, before) {
  const kept = left === undefined || before === undefined ? NaN : left - before;
  return [symbol(factor.symbol, factor.words), power(factor.log10_norm), Number.isNaN(kept) ? "" : keptBar(kept), left === undefined ? "" : power(left)];
}

/** The share that one step keeps, in figures and as a bar. */
function keptBar(log10) {
  const { kind, share } = barOf(log10);
  const bar = element("span", `factor factor--${kind}`);
  bar.style.setProperty("--share", String(share));
  const box = element("span", "factor-kept");
  box.append("× ", power(log10), bar);
  return box;
}

function prose(kind, parts) {
  const box = element("p", kind);
  box.append(...parts.map((part) => (typeof part === "number" ? power(part) : part)));
  return box;
}

function symbol(text, words) {
  const box = element("span", "factor-words");
  const sign = element("b");
  // Times stand below: ∂h_30 is ∂h₃₀.
  text.split(/_(\d+)/).forEach((part, i) => sign.append(i % 2 ? element("sub", "", part) : part));
  box.append(sign, element("span", "small muted", words));
  return box;
}

/** A number as plain text or a power of ten. */
function power(log10) {
  const box = element("span", "number");
  showMagnitude(box, numberOf(log10));
  return box;
}

function leftOut({ factors }) {
  const most = Math.max(0, ...factors.map((factor) => factor.left_out));
  return most ? `; up to ${most} that are exactly zero are left out` : "";
}
