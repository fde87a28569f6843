// The rows of the list. The server writes them; this puts newer ones in their place without touching what the reader
// holds: a ticked box, an open menu, the focus.
import { agoText, countText, etaText, plainNumber } from "./words.js";

/** @param {string} html a page with the list in it @returns {Element | null} */
export function listOf(html) {
  // Parsed as a document of its own, in which nothing runs; the text is our own server's, escaped there.
  return new DOMParser().parseFromString(html, "text/html").querySelector("[data-list]");
}

/** @param {Element} here @param {Element} there the same list as the server has it now */
export function mergeList(here, there) {
  const rows = here.querySelector("[data-rows]");
  const newer = there.querySelector("[data-rows]");
  if (!rows || !newer) {
    if (!here.isEqualNode(there)) here.replaceChildren(...adopted(there));
    return;
  }
  mergePager(here, there);
  const known = new Map([...rows.children].map((row) => [row.dataset.run, row]));
  const wanted = [...newer.children].map((row) => {
    const old = known.get(row.dataset.run);
    if (!old) return document.importNode(row, true);
    mergeRow(old, row);
    return old;
  });
  const isInOrder = wanted.length === rows.children.length && wanted.every((row, index) => row === rows.children[index]);
  if (!isInOrder) rows.replaceChildren(...wanted);
}

/** The ways to other pages are those of what is filtered now. */
function mergePager(here, there) {
  const [old, newer] = [here, there].map((list) => list.querySelector(".pager"));
  if (old?.isEqualNode(newer) || !(old ?? newer)) return;
  old?.remove();
  if (newer) here.append(document.importNode(newer, true));
}

function mergeRow(old, row) {
  const isSameStatus = old.dataset.status === row.dataset.status;
  Object.assign(old.dataset, { status: row.dataset.status, name: row.dataset.name });
  for (const cell of row.children) {
    const name = cell.dataset.cell;
    // Progress is told by its own events, sooner than a page can be; the box is the reader's.
    const isTold = name === "progress" && isSameStatus && row.dataset.status === "running";
    if (name === "pick" || name === "created" || isTold) continue;
    const mine = old.querySelector(`[data-cell=${name}]`);
    if (mine.isEqualNode(cell) || mine.querySelector("details[open]")) continue;
    const hadFocus = mine.contains(document.activeElement);
    mine.replaceChildren(...adopted(cell));
    if (hadFocus) mine.querySelector("a, summary, button")?.focus();
  }
}

/** @param {Element} row @param {{step: number, steps: number, eta_seconds: number | null, loss: number | string | null}} progress */
export function showProgress(row, { step, steps, eta_seconds: eta, loss }) {
  const bar = row.querySelector("[data-progress]");
  if (bar) Object.assign(bar, { max: Math.max(steps, 1), value: step });
  row.querySelector("[data-step]").textContent = countText(step);
  row.querySelector("[data-eta]").textContent = etaText(eta);
  if (loss !== null && loss !== undefined) row.querySelector("[data-loss]").textContent = plainNumber(loss);
}

/** @param {ParentNode} root */
export function showTimes(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("[data-time]")) {
    const date = new Date(element.dateTime);
    element.textContent = agoText(date, now);
    element.title = date.toLocaleString();
  }
}

const adopted = (element) => [...element.childNodes].map((node) => document.importNode(node, true));
