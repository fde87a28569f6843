// The verbs of a run: stop, delete; and the link to this view.
import { confirmAction } from "../shell/dialog.js";
import { toast, toastError } from "../shell/toasts.js";
import { post, remove } from "../wire/api.js";
import { openCode } from "./as_code.js";

/** @param {HTMLElement} page @param {{id: string, name: string}} run */
export function mountActions(page, run) {
  const on = (name, work) => {
    for (const button of page.querySelectorAll(`[data-action=${name}]`)) {
      button.addEventListener("click", async () => {
        button.disabled = true;
        await work().catch(toastError);
        button.disabled = false;
      });
    }
  };
  on("copy", copyLink);
  on("code", () => openCode(run.id));
  on("cancel", async () => {
    await post(`/runs/${run.id}/cancel`);
    toast("Stopping. What is recorded stays readable.");
  });
  on("delete", async () => {
    const sure = await confirmAction({
      title: "Delete this run?",
      text: `“${run.name}” and everything recorded of it will be gone.`,
      yes: "Delete",
    });
    if (!sure) return;
    await remove(`/runs/${run.id}`);
    location.assign("/");
  });
}

async function copyLink() {
  await navigator.clipboard.writeText(location.href);
  toast("Link copied: it opens this very view.");
}
