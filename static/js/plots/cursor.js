// The line at the chosen step. It lies over the plot as an element of its own: moving a shape of Plotly's makes it draw
// the whole figure again, at a quarter of what a step of the scrubber costs.
import { roomAround } from "./mount.js";

// Beyond this share of the axis the tag stands at the left of the line, where there is room.
const LATE = 0.85;

/**
 * Where a step is in the plot: a CSS length, so that it holds at every width.
 * @param {number | null} step @param {[number, number]} range of the x axis @param {{l: number, r: number}} room
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
    const room = roomAround(plot);
    const place = room ? placeOf(step, plot.layout?.xaxis?.range, room) : null;
    line.hidden = !place;
    if (!place) return;
    line.style.left = place.left;
    // The panel may be taller than its plot.
    line.style.top = `${plot.offsetTop + room.t}px`;
    line.style.height = `${plot.offsetHeight - room.t - room.b}px`;
    line.classList.toggle("cursor--late", place.late);
    tag.textContent = String(step);
  };
}
