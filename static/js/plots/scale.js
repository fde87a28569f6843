// From log10 magnitudes to colours, as app/figures/scale.py has it: ratio, limits, clamping, and the kind of a cell.
// tests/js/vectors/scale.json holds the two equal. Here so that switching mode or range needs no network.

/** @enum {number} */
export const KIND = { FINITE: 0, ZERO: 1, BELOW: 2, NOT_FINITE: 3, UNDEFINED: 4 };

export const KIND_WORDS = ["", "exact zero", "below resolution", "not finite", "not defined"];

// Crameri's vik (MIT) and cividis, the anchors of palette.py.
export const ANCHORS = {
  ratio: [
    "#001261", "#023376", "#06548b", "#307da6", "#71a8c4", "#b3d1df", "#ece5e0", "#e4bfaa", "#d39774", "#c37243",
    "#ab4814", "#7e1d06", "#590008",
  ],
  magnitude: [
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
  ],
};

/** @param {"ratio" | "magnitude"} mode */
export function colorscale(mode) {
  const anchors = ANCHORS[mode];
  return anchors.map((color, i) => [i / (anchors.length - 1), color]);
}

/** @param {"ratio" | "magnitude"} mode @param {number} decades @returns {[number, number]} */
export function limits(mode, decades) {
  return mode === "ratio" ? [-decades, decades] : [-1.5 * decades, 0.5 * decades];
}

/** @param {number} value */
export function clamp(value, low, high) {
  return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : value;
}

/** log10 of a ratio: exact zero stays, and a finite value has no ratio to what is not finite. */
export function ratio(log10, reference) {
  if (!Number.isFinite(log10)) return log10;
  return Number.isFinite(reference) ? log10 - reference : NaN;
}

/** @param {number} log10 @param {number | null} [floor] @param {boolean} [undefinedHere] @returns {number} a KIND */
export function kind(log10, floor = null, undefinedHere = false) {
  if (undefinedHere) return KIND.UNDEFINED;
  if (log10 === -Infinity) return KIND.ZERO;
  if (!Number.isFinite(log10)) return KIND.NOT_FINITE;
  return floor !== null && log10 <= floor ? KIND.BELOW : KIND.FINITE;
}

/** A number as figures write it where JSON lacks it. @param {number | string | null} word */
export function number(word) {
  return word === null ? NaN : Number(word);
}

/**
 * The reference or floor that belongs to a cell.
 * @param {unknown} numbers one, or one per column or row
 * @param {"x" | "y" | null} along
 */
export function at(numbers, along, row, column) {
  if (!Array.isArray(numbers)) return numbers === null || numbers === undefined ? null : number(numbers);
  return number(numbers[along === "y" ? row : column]);
}

/**
 * Rows of a heatmap as they are coloured in a mode.
 * @param {Float32Array[]} rows log10 magnitudes
 * @param {{reference: unknown, along: "x" | "y" | null}} meta
 * @param {"ratio" | "magnitude"} mode
 */
export function shownRows(rows, meta, mode) {
  if (mode === "magnitude") return rows;
  const single = !Array.isArray(meta.reference);
  const references = single ? null : meta.reference.map(number);
  const only = single ? number(meta.reference) : 0;
  return rows.map((row, y) => {
    const out = new Float32Array(row.length);
    for (let x = 0; x < row.length; x += 1) {
      out[x] = ratio(row[x], single ? only : references[meta.along === "y" ? y : x]);
    }
    return out;
  });
}
