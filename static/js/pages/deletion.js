// Deleting that can be taken back: what is deleted vanishes at once, and the service is told when the time for Undo is
// over: when the message goes, or the page is left.
import { toast, toastError } from "../shell/toasts.js";
import { apiUrl, remove } from "../wire/api.js";

/** @param {number} count @param {string[]} names those that are deleted @returns {string} what the message says */
export function deletedText(count, names) {
  return count === 1 ? `${names[0]} deleted.` : `${count} runs deleted.`;
}

/**
 * @param {{
 *   hide: (ids: string[]) => void, show: (ids: string[]) => void,
 *   world?: {toast: typeof toast, toastError: typeof toastError, remove: typeof remove, leave: (ids: string[]) => void,
 *     onLeave: (run: () => void) => void},
 * }} page
 * @returns {(runs: {id: string, name: string}[], more?: string) => void} deletes runs that are over
 */
export function mountDeletion({ hide, show, world = browser }) {
  const waiting = new Set();
  world.onLeave(() => {
    const ids = [...waiting].flat();
    waiting.clear();
    world.leave(ids);
  });

  async function send(ids) {
    let left = [];
    for (const id of ids) {
      try {
        await world.remove(`/runs/${id}`);
      } catch (error) {
        // Gone already is gone as well; what is refused is shown again.
        if (error.status === 404) continue;
        left = [...left, id];
        if (left.length === 1) world.toastError(error);
      }
    }
    if (left.length) show(left);
  }

  return (runs, more = "") => {
    const ids = runs.map(({ id }) => id);
    const names = runs.map(({ name }) => name);
    waiting.add(ids);
    hide(ids);
    world.toast(`${deletedText(ids.length, names)}${more && ` ${more}`}`, {
      action: "Undo",
      onAction() {
        if (waiting.delete(ids)) show(ids);
      },
      onEnd() {
        if (waiting.delete(ids)) send(ids);
      },
    });
  };
}

const browser = {
  toast,
  toastError,
  remove,
  leave(ids) {
    // A page that is left cannot wait for answers; these are sent all the same.
    for (const id of ids) fetch(apiUrl(`/runs/${id}`), { method: "DELETE", keepalive: true });
  },
  onLeave: (run) => window.addEventListener("pagehide", run),
};
