// Numbers and times in words, as the server writes them in the first place (app/pages/verdicts.py, index.py).
import { duration } from "../plots/words.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param {number | null | undefined} seconds */
export function etaText(seconds) {
  return seconds === null || seconds === undefined ? "" : `${duration(seconds)} left`;
}

/** Three significant digits; what JSON lacks comes as words. @param {number | string | null | undefined} value */
export function plainNumber(value) {
  if (value === null || value === undefined) return "";
  const number = Number(value);
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  // The same limits as Python's "g" with three digits.
  const plain = size === 0 || (size >= 1e-4 && Number(size.toPrecision(3)) < 1e3);
  const text = plain ? String(Number(number.toPrecision(3))) : number.toExponential(1).replace("+", "");
  return text.replaceAll("-", "−");
}

/** @param {Date} date @param {Date} now @returns {string} "just now", "5 min ago", "3 h ago", "2 d ago" */
export function agoText(date, now) {
  const seconds = (now.getTime() - date.getTime()) / 1000;
  if (seconds < MINUTE) return "just now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  return `${Math.floor(seconds / DAY)} d ago`;
}

/** @param {number} step */
export function countText(step) {
  return step.toLocaleString("en-US");
}
