// The line at the chosen step. It lies over the plot as an element of its own: moving a shape of Plotly's makes it draw
// the whole figure again, at a quarter of what a step of the scrubber costs.
import { roomAround } from "./mount.js";

// Beyond this share of the axis the tag stands at the left of the line, where there is room.
const LATE = 0.85;

/**
 * Where a step is between the ends of the x axis.
 * @param {number | null} step @param {[number, number]} range of the x axis
 * @returns {{share: string, late: boolean} | null} a share of the axis as CSS says it; null where the step is not on it
 */
export function placeOf(step, range) {
  if (step === null || !range) return null;
  const share = (step - range[0]) / (range[1] - range[0]);
  if (!(share >= 0 && share <= 1)) return null;
  return { share: `${(100 * share).toFixed(3)}%`, late: share > LATE };
}

/**
 * @param {HTMLElement} plot
 * @returns {(step: number | null, isAsBefore?: boolean) => void} moves the cursor of a drawn figure; nothing is measured where
 *   the figure's frame is as before
 */
export function mountCursor(plot) {
  const track = document.createElement("div");
  const tag = document.createElement("span");
  track.className = "cursor";
  track.setAttribute("aria-hidden", "true");
  track.hidden = true;
  tag.className = "cursor-tag number";
  track.append(tag);
  plot.after(track);
  let isPlaced = false;
  return (step, isAsBefore = false) => {
    const room = roomAround(plot);
    const place = room ? placeOf(step, plot.layout?.xaxis?.range) : null;
    track.hidden = !place;
    if (!place) return;
    // The track is as long as the axis, so that a share of it is a share of the axis at every width, and as a transform
    // it moves without a layout. The panel may be taller than its plot.
    if (!isAsBefore || !isPlaced) {
      const edges = { left: room.l, right: room.r, top: plot.offsetTop + room.t, height: plot.offsetHeight - room.t - room.b };
      for (const [edge, size] of Object.entries(edges)) track.style[edge] = `${size}px`;
      isPlaced = true;
    }
    track.style.transform = `translateX(${place.share})`;
    track.classList.toggle("cursor--late", place.late);
    tag.textContent = String(step);
  };
}
