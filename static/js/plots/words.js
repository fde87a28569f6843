// Numbers as a reader wants them: powers of ten, short decimals, durations.

const MINUS = "−";

/** Nearer to 1 than so many decades a plain number reads better, as in app/figures/layout.py. */
const PLAIN_DECADES = 3;

/** @param {number} exponent @returns {string} the digits of an exponent: "−11.4" */
export function exponentText(exponent) {
  const rounded = Math.round(exponent * 10) / 10;
  const digits = Number.isInteger(rounded) ? String(Math.abs(rounded)) : Math.abs(rounded).toFixed(1);
  return rounded < 0 ? MINUS + digits : digits;
}

/**
 * A log10 as text: a plain number where that reads well, else 10 to a power.
 * @param {number} log10
 * @returns {{plain: string} | {exponent: string}}
 */
export function magnitude(log10) {
  if (log10 === -Infinity) return { plain: "0" };
  if (!Number.isFinite(log10)) return { plain: "not finite" };
  if (Math.abs(log10) < PLAIN_DECADES) return { plain: short(10 ** log10) };
  return { exponent: exponentText(log10) };
}

/** @param {number} log10 @returns {string} in one line of text: "10^−11.4" */
export function magnitudeText(log10) {
  const text = magnitude(log10);
  return "plain" in text ? text.plain : `10^${text.exponent}`;
}

/** Write a magnitude into an element, the exponent raised. @param {Element} element */
export function showMagnitude(element, log10) {
  const text = magnitude(log10);
  if ("plain" in text) return element.replaceChildren(text.plain);
  const raised = document.createElement("sup");
  raised.textContent = text.exponent;
  element.replaceChildren("10", raised);
}

/** A size as text: like `short`, but from 10^5 on a power of ten. @param {number | null} value */
export function large(value) {
  return value !== null && Number.isFinite(value) && value >= 1e5 ? magnitudeText(Math.log10(value)) : short(value);
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** A name in a figure is written for Plotly, which reads HTML; here it is as it was given. @param {string} text */
export function unescaped(text) {
  return String(text).replace(/&(lt|gt|amp);/g, (entity) => ENTITIES[entity]);
}

/** Text with its powers raised, as an element takes it: "at 10^−3" has a sup in it. @param {string} text @returns {(string | Node)[]} */
export function raised(text) {
  return text.split(/(?<=10)\^(−?\d+(?:\.\d+)?)/).map((part, i) => {
    if (i % 2 === 0) return part;
    const box = document.createElement("sup");
    box.textContent = part;
    return box;
  });
}

/** A sentence of the service, its powers of ten written as the numbers beside it are. @param {string} sentence "1.3e-28 is left" */
export function told(sentence) {
  return sentence.replace(/\b(\d(?:\.\d+)?)e([+-]?\d+)\b/g, (_, digits, exponent) => magnitudeText(Math.log10(Number(digits)) + Number(exponent)));
}

/** Small numbers begin as plain ones where the service's do (`plain_number`). @param {number | null} value three digits that matter */
export function short(value) {
  if (value === null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const size = Math.abs(value);
  if (size !== 0 && (Number(size.toPrecision(3)) < 1e-4 || size >= 1e5)) return value.toExponential(2).replace("e+", "e").replaceAll("-", MINUS);
  return Number(value.toPrecision(3)).toString().replace("-", MINUS);
}

/** @param {number | null} seconds @returns {string} "0:42", "1:02:03" */
export function duration(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

/** @param {string} status as pages say it, like `status_word` in app/runs/states.py */
export function statusWord(status) {
  return status === "succeeded" ? "Finished" : capital(status);
}

/** @param {string} word */
export function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
