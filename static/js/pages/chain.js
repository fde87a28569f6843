// One term of a sum, factor by factor: a click on a cell of a matrix opens the chain from that loss back to that state.
import { tableElement } from "../plots/panel_menu.js";
import { magnitude, magnitudeText } from "../plots/words.js";
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

/** @param {object} chain as the service tells it @returns {string} what the term comes to, in a sentence */
export function sentenceOf({ loss_time: loss, state_time: state, lag, parameter, walls, term }) {
  const far = Math.abs(lag);
  const way = lag ? `${far} ${far === 1 ? "step" : "steps"} ${lag < 0 ? "on" : "back"}` : "at the same time";
  const start = `What the loss at t = ${loss} tells ${parameter} through the state at k = ${state}, ${way}: `;
  if (walls.length) return `${start}nothing, since truncation cuts the way after t = ${walls.join(", ")}.`;
  const norm = numberOf(term.log10_norm);
  return start + (norm === -Infinity ? "exactly zero." : `${magnitudeText(norm)}, the product of what follows.`);
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

/** Open the chain of one cell. @param {string} run @param {{step: number, loss_time: number, state_time: number, parameter: string | null}} cell */
export async function openChain(run, cell) {
  const path = `/runs/${run}/chain`;
  const chain = await getJson(path, { query: cell });
  const notes = [element("p", "small", sentenceOf(chain))];
  if (!chain.is_product && !chain.walls.length) {
    notes.push(element("p", "small muted", "In a lower layer more comes from above at every step: the term is more than this product."));
  }
  const scroller = element("div", "table-scroll");
  scroller.tabIndex = 0;
  const { state_time: times, log10_norm: norms } = chain.arriving;
  const left = new Map(times.map((time, i) => [time, norms[i]]));
  const rows = chain.factors.map((factor) => rowOf(factor, left));
  rows.push([symbol("the term", "their product, as the matrix of path terms has it"), power(chain.term.log10_norm), "", ""]);
  scroller.append(tableElement(["Factor", "Norm", "Shrinks or grows", "Left of the gradient"], rows));
  const told = element("p", "small muted", `Norms are means of logarithms over ${chain.samples} samples${leftOut(chain)}.`);
  const raw = element("a", "button", "As JSON");
  Object.assign(raw, { href: apiUrl(path, cell), download: "" });
  openSheet("A term, factor by factor", `t = ${chain.loss_time} back to k = ${chain.state_time}, at step ${chain.step}`, [...notes, scroller, told], [raw]);
}

function rowOf(factor, left) {
  const isState = factor.name === "state_by_state";
  const time = isState ? factor.time - 1 : factor.name === "logits_by_state" ? factor.time : null;
  const { kind, share } = barOf(numberOf(factor.log10_norm));
  const bar = element("span", `factor factor--${kind}`);
  bar.style.setProperty("--share", String(share));
  return [symbol(factor.symbol, factor.words), power(factor.log10_norm), bar, left.has(time) ? power(left.get(time)) : ""];
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
  const text = magnitude(numberOf(log10));
  const box = element("span", "number", "plain" in text ? text.plain : "10");
  if ("exponent" in text) box.append(element("sup", "", text.exponent));
  return box;
}

function leftOut({ factors }) {
  const most = Math.max(0, ...factors.map((factor) => factor.left_out));
  return most ? `; up to ${most} that are exactly zero are left out` : "";
}
