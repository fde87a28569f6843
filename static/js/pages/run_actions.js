// The verbs of a run: pause, resume, retry, train longer, stop, delete; and the link to this view.
import { confirmAction } from "../shell/dialog.js";
import { copyLink } from "../shell/copy_link.js";
import { toast, toastError } from "../shell/toasts.js";
import { getJson, post, remove } from "../wire/api.js";
import { cancelRun, takeBack } from "./run_verbs.js";

/** What takes a verb back, and the states in which it can. */
const UNDO = {
  pause: { verb: "resume", from: ["paused"], done: "Goes on as soon as a worker is free." },
  resume: { verb: "pause", from: ["running"], done: "Pausing again." },
};

/** @param {HTMLElement} page @param {{id: string, name: string, steps: number}} run */
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
  on("copy", () => copyLink());
  // Three files that most visits need not.
  on("code", async () => (await import("./as_code.js")).openCode(run.id));
  on("cancel", () => cancelRun(run.id, run.name));
  on("pause", () => asked(run.id, "pause", "Pausing: it saves where it is, and goes on from there."));
  on("resume", () => asked(run.id, "resume", "Goes on as soon as a worker is free."));
  on("retry", async () => {
    await post(`/runs/${run.id}/retry`);
    toast("Tried again, from its last checkpoint.");
  });
  on("extend", async () => {
    const steps = 2 * run.steps;
    const sure = await confirmAction({
      title: "Train longer?",
      text: `From step ${run.steps} on to step ${steps}. A schedule keeps the horizon it was made with.`,
      yes: "Train longer",
      danger: false,
    });
    if (!sure) return;
    await post(`/runs/${run.id}/extend`, { steps });
    location.reload();
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

/** Ask for a verb that can be taken back, and offer that. */
async function asked(id, verb, words) {
  await post(`/runs/${id}/${verb}`);
  const { verb: back, from, done } = UNDO[verb];
  const onAction = async () => {
    try {
      const found = await takeBack(id, back, from, { getJson, post });
      toast(found === null ? done : `Too late: the run is ${found}.`);
    } catch (error) {
      toastError(error);
    }
  };
  toast(words, { action: "Undo", onAction });
}
