// Reading one cell: under the pointer in the panel's head, with the arrow keys in a polite live region.
import { describeCell, heatmapOf } from "./cells.js";
import { raised } from "./words.js";

const SPOKEN_EVERY_MS = 1000;

/**
 * @param {ReturnType<import("./panel.js").createPanel>} panel
 * @returns {(cell: {row: number, column: number} | null) => void} what the pointer is over
 */
export function mountCellCursor(panel) {
  const readout = panel.section.querySelector("[data-readout]");
  const spoken = panel.section.querySelector("[data-spoken]");
  let at = null;
  let timer = null;

  const trace = () => heatmapOf(panel.figure());
  const say = (row, column) => describeCell(panel.name, trace(), row, column);

  function show(text) {
    // The value first: where the head is narrow, the end of a line is what is cut.
    const [place, ...value] = text.split(": ");
    readout.replaceChildren(...raised(value.length ? `${value.join(": ")} · ${place}` : text));
    readout.title = text;
    readout.hidden = !text;
  }

  panel.plot.addEventListener("keydown", (event) => {
    const heatmap = trace();
    if (!heatmap || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && at && panel.onPick) {
      event.preventDefault();
      panel.onPick({ x: heatmap.x[at.column], y: heatmap.y[at.row], z: heatmap.z[at.row][at.column] });
      return;
    }
    const [rows, columns] = [heatmap.z.length, heatmap.z[0]?.length ?? 0];
    const moves = {
      ArrowUp: [1, 0],
      ArrowDown: [-1, 0],
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
      Home: [0, -columns],
      End: [0, columns],
    };
    const move = moves[event.key];
    if (!move || !rows || !columns) return;
    event.preventDefault();
    event.stopPropagation();
    const stride = event.shiftKey ? 10 : 1;
    at = {
      row: hold((at?.row ?? rows - 1) + move[0] * stride, rows),
      column: hold((at?.column ?? columns - 1) + move[1] * stride, columns),
    };
    const text = say(at.row, at.column);
    show(text);
    clearTimeout(timer);
    timer = setTimeout(() => {
      spoken.textContent = text;
    }, SPOKEN_EVERY_MS / 4);
  });
  panel.plot.addEventListener("blur", () => show(""));

  return (cell) => show(cell && trace() ? say(cell.row, cell.column) : "");
}

function hold(index, count) {
  return Math.min(Math.max(index, 0), count - 1);
}
