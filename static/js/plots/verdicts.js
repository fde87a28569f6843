// A verdict in one word with its glyph, as app/pages/verdicts.py says it; tests/js/vectors/verdicts.json holds the two equal.
import { capital } from "./words.js";

const GLYPHS = { vanishing: "▼", fading: "▽", healthy: "●", growing: "△", exploding: "▲", "not finite": "✕" };
const UNDEFINED = { title: "Undefined", glyph: "–", style: "undefined" };
// The loss itself is lost: what the last finite frame showed is no news beside it.
const DIVERGED = { title: "Diverged", glyph: "✕", style: "not-finite" };
const MOST_SAID = 2;
const TROUBLE_GLYPH = "◆";

/** @param {string} kind @returns {string} "Not learning" */
export function kindWords(kind) {
  return capital(kind.replaceAll("_", " "));
}

/**
 * The word over a verdict. The span's word is no alarm: where no kind holds the card says Healthy, where one holds never.
 * @param {{word: string, kinds?: string[]}} verdict
 * @returns {{title: string, glyph: string, style: string}}
 */
export function headline({ word, kinds = [] }) {
  if (kinds.includes("diverged")) return DIVERGED;
  if (!(word in GLYPHS)) return UNDEFINED;
  if (word === "not finite" || !kinds.length) return spanWord(word);
  if (kinds.length === 1 && kinds[0] === "healthy") return spanWord("healthy");
  const ofTheGradient = kinds.find((kind) => kind in GLYPHS);
  if (ofTheGradient) return spanWord(ofTheGradient);
  if (word !== "healthy") return spanWord(word);
  return { title: kindWords(kinds[0]), glyph: TROUBLE_GLYPH, style: "trouble" };
}

/** The kinds that the word does not say. @param {{word: string, kinds?: string[]}} verdict @returns {string} */
export function troublesOf(verdict) {
  if (headline(verdict) === DIVERGED) return "";
  const said = ["Healthy", headline(verdict).title];
  return (verdict.kinds ?? [])
    .map(kindWords)
    .filter((words) => !said.includes(words))
    .join(", ");
}

/**
 * What stands under the word: the reason for it, whatever number it goes by, and the span's sentence.
 * @param {{word: string, sentence?: string, kinds?: string[], findings?: object[]}} verdict
 * @returns {string}
 */
export function lineOf({ word, sentence = "", kinds = [], findings = [] }) {
  const found = kinds.includes("diverged") ? findings.filter(({ kind }) => kind === "diverged") : findings;
  const others = found.filter((one) => !restsOnTheSpan(one));
  const said = others.slice(0, MOST_SAID).map((one) => `${kindWords(one.kind)}: ${one.sentence.charAt(0).toLowerCase()}${one.sentence.slice(1)}`);
  const spanLeads = !others.length || found[0] !== others[0];
  return [...(spanLeads ? [sentence, ...said] : [...said, sentence]), noAlarm(word, kinds)].filter(Boolean).join(" ");
}

function restsOnTheSpan({ kind, evidence }) {
  return evidence[0]?.statistic === "last_loss_gradient" && kind in GLYPHS;
}

function noAlarm(word, kinds) {
  if (kinds.length !== 1 || kinds[0] !== "healthy" || !["vanishing", "fading", "growing"].includes(word)) return "";
  if (word === "vanishing") return "Little reaches the first step, but enough reaches as far as the task needs.";
  return `${capital(word)} is how it changes with distance; no fault was found.`;
}

function spanWord(word) {
  return { title: capital(word), glyph: GLYPHS[word], style: word.replace(/\s+/g, "-") };
}
