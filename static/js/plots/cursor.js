// The line at the chosen step. It lies over the plot as an element of its own: moving a shape of Plotly's makes it draw
// the whole figure again, at a quarter of what a step of the scrubber costs.

// Beyond this share of the axis the tag stands at the left of the line, where there is room.
const LATE = 0.85;

/**
 * Where a step is in the plot: a CSS length, so that it holds at every width.
 * @param {number | null} step @param {[number, number]} range of the x axis @param {{l: number, r: number}} margin
 * @returns {{left: string, late: boolean} | null} null where the step is not on the axis
 */
export function placeOf(step, range, { l, r }) {
  if (step === null || !range) return null;
  const share = (step - range[0]) / (range[1] - range[0]);
  if (!(share >= 0 && share <= 1)) return null;
  return { left: `calc(${l}px + ${share.toFixed(5)} * (100% - ${l + r}px))`, late: share > LATE };
}

/** @param {HTMLElement} plot @returns {(step: number | null) => void} moves the cursor of a drawn figure */
export function mountCursor(plot) {
  const line = document.createElement("div");
  const tag = document.createElement("span");
  line.className = "cursor";
  line.setAttribute("aria-hidden", "true");
  line.hidden = true;
  tag.className = "cursor-tag number";
  line.append(tag);
  plot.after(line);
  return (step) => {
    const { layout } = plot;
    const place = layout ? placeOf(step, layout.xaxis?.range, layout.margin) : null;
    line.hidden = !place;
    if (!place) return;
    line.style.left = place.left;
    line.style.top = `${layout.margin.t}px`;
    line.style.bottom = `${layout.margin.b}px`;
    line.classList.toggle("cursor--late", place.late);
    tag.textContent = String(step);
  };
}
