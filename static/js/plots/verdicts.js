// A verdict in one word with its glyph, as app/pages/verdicts.py says it; tests/js/vectors/verdicts.json holds the two equal.
import { capital } from "./words.js";

const GLYPHS = { vanishing: "▼", fading: "▽", healthy: "●", growing: "△", exploding: "▲", "not finite": "✕" };
const UNDEFINED = { title: "Undefined", glyph: "–", style: "undefined" };
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
  const said = ["Healthy", headline(verdict).title];
  return (verdict.kinds ?? [])
    .map(kindWords)
    .filter((words) => !said.includes(words))
    .join(", ");
}

function spanWord(word) {
  return { title: capital(word), glyph: GLYPHS[word], style: word.replace(/\s+/g, "-") };
}
