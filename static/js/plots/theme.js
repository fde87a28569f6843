// A figure comes in the light theme's colours and says of every part what it is; here the parts get the colours of the
// theme that is seen, by that word (trace.meta.role, shape.name, annotation.name).

// The only colours that are no token: bars, and what must be read on top of every colour of the map.
const BARS = { light: "#b9b3ad", dark: "#756d66" };
const ON_MAP = { line: "#ffffff", casing: "#0e1217" };

// What tells runs and parameters apart is too dark for a dark card: there each has a lighter twin.
const TWINS = {
  "#2a6f9e": "#6ca9e6", "#b45a22": "#e08f6c", "#1f7a4d": "#63c898", "#7a4fa3": "#b794e6", "#a8862b": "#d9b95f",
  "#4c5663": "#a3afbc", "#b3261e": "#ff6f78", "#2f8f8f": "#5cc4c4",
};

const TOKENS = [
  "text", "muted", "accent", "line", "card", "sunken", "vanishing", "vanishing-small", "exploding", "exploding-small",
  "healthy", "healthy-small", "nan", "hatch", "hatch-line",
];

/** @param {"light" | "dark"} seen @param {CSSStyleDeclaration} [style] @returns {Record<string, any>} names and colours, and `twins` of a figure's own */
export function themeColors(seen, style = getComputedStyle(document.documentElement)) {
  const colors = Object.fromEntries(TOKENS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...colors, twins: seen === "dark" ? TWINS : {}, bars: BARS[seen], font: style.getPropertyValue("--font").trim() };
}

const LINES = {
  loss: "text", validation_loss: "accent", measured: "vanishing", latest: "muted", bound: "exploding", radius: "muted",
  norm: "text", clip: "muted",
};
const NOTES = {
  "label-measured": "vanishing-small", "label-saturated": "vanishing-small", "label-bound": "exploding-small",
  "label-healthy": "healthy-small", "label-mean": "text", "label-beyond": "exploding-small", heading: "text", span: "text",
};
const PATTERNS = { zero: ["hatch-line", "hatch"], below: ["hatch-line", "hatch"] };

/** @param {object} trace @param {Record<string, string>} colors @param {{manyRuns?: boolean}} [options] */
export function paintTrace(trace, colors, { manyRuns = false } = {}) {
  const role = trace.meta?.role;
  if (role === "reach") return { ...trace, line: { ...trace.line, color: ON_MAP.line } };
  if (role === "reach-casing") return { ...trace, line: { ...trace.line, color: ON_MAP.casing } };
  if (role === "nonfinite") return patterned(trace, "#ffffff", colors.nan);
  if (PATTERNS[role] && trace.fillpattern) return patterned(trace, colors[PATTERNS[role][0]], colors[PATTERNS[role][1]]);
  if (role === "nonfinite-points") return { ...trace, marker: { ...trace.marker, color: colors.nan } };
  if (role === "beyond") return { ...trace, marker: { ...trace.marker, color: colors.exploding } };
  if (role === "zero-points") return { ...trace, marker: { ...trace.marker, color: colors.muted } };
  if (role === "saturated") return { ...trace, marker: { ...trace.marker, color: colors.vanishing } };
  if (role === "slope") return { ...trace, marker: { ...trace.marker, color: colors.bars } };
  if (LINES[role] && !manyRuns) return { ...trace, line: { ...trace.line, color: colors[LINES[role]] } };
  return twinned(trace, colors.twins);
}

function twinned(trace, twins) {
  const painted = { ...trace };
  for (const part of ["line", "marker"]) {
    const twin = twins[trace[part]?.color];
    if (twin) painted[part] = { ...trace[part], color: twin };
  }
  return painted;
}

function patterned(trace, ink, ground) {
  return { ...trace, fillcolor: ground, fillpattern: { ...trace.fillpattern, fgcolor: ink, bgcolor: ground } };
}

/** @param {object} shape */
export function paintShape(shape, colors) {
  if (shape.name === "healthy") return { ...shape, fillcolor: colors.healthy };
  if (shape.name === "baseline") return { ...shape, line: { ...shape.line, color: colors.muted } };
  if (shape.name === "mean") return { ...shape, line: { ...shape.line, color: colors.text } };
  return shape;
}

/** @param {object} note */
export function paintNote(note, colors) {
  const font = { ...note.font, color: colors[NOTES[note.name] ?? "muted"] };
  // A word that a line may run through stands on the card's own ground.
  return note.bgcolor || note.name === "label-baseline" ? { ...note, font, bgcolor: colors.card } : { ...note, font };
}

/** @param {object} axis */
export function paintAxis(axis, colors) {
  return {
    ...axis,
    linecolor: colors.line,
    gridcolor: colors.line,
    tickcolor: colors.line,
    tickfont: { ...axis.tickfont, color: colors.muted },
    title: { ...axis.title, font: { ...axis.title?.font, color: colors.muted } },
  };
}
