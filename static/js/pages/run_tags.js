// The tags of a run: written anew as a comma list, and taken back where that was a slip.
import { toast, toastError } from "../shell/toasts.js";
import { patch } from "../wire/api.js";

/** @param {string} text @returns {string[]} each tag once, in the order of the text */
export function tagsOf(text) {
  const words = text.split(",").map((word) => word.trim());
  return [...new Set(words.filter(Boolean))];
}

/** @param {HTMLFormElement} form `data-own` are the tags that the service keeps for itself @param {{id: string}} run */
export function mountTags(form, run) {
  const field = form.querySelector("input");
  const own = JSON.parse(form.dataset.own);
  let before = tagsOf(field.value);

  async function save(tags) {
    await patch(`/runs/${run.id}`, { tags: [...own, ...tags] });
    const old = before;
    before = tags;
    field.value = tags.join(", ");
    return old;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const old = await save(tagsOf(field.value));
      toast("Tags saved.", { action: "Undo", onAction: () => save(old).catch(toastError) });
    } catch (error) {
      toastError(error);
    }
  });
}
