// The list of runs: filters, ticks for the comparison, cancel and delete, and what happens while one looks.
import { confirmAction } from "../shell/dialog.js";
import { shortcut } from "../shell/keyboard.js";
import { toast, toastError } from "../shell/toasts.js";
import { remove } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { followRuns } from "./live_runs.js";
import { mountPicks } from "./picks.js";
import { cancelRun } from "./run_verbs.js";
import { listOf, mergeList, showProgress, showTimes } from "./run_rows.js";

const REFRESH_MS = 1000;
const TYPING_MS = 250;
const TIMES_MS = 30000;

const list = document.querySelector("[data-list]");
const filters = document.querySelector("[data-filters]");
const picks = mountPicks(document.querySelector("[data-compare]"), list);
const rowOf = (id) => list.querySelector(`[data-run="${CSS.escape(id)}"]`);

const refresh = newest(
  async () => {
    try {
      const response = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
      const newer = response.ok ? listOf(await response.text()) : null;
      if (!newer) return;
      mergeList(list, newer);
      picks.show();
      showTimes(list);
    } catch {
      // The service is away: the pill says so, and the list is fetched anew when it is back.
    }
  },
  { interval: REFRESH_MS },
);

followRuns([], {
  onEvent(kind, data) {
    const row = rowOf(data.run);
    if (kind === "progress" && row) showProgress(row, data);
    else refresh();
  },
  // What happened between the page and the stream is not told by it.
  onLive: refresh,
});

let typing = 0;
const filter = () => {
  clearTimeout(typing);
  const query = new URLSearchParams(location.search);
  query.delete("cursor");
  for (const [name, value] of new FormData(filters)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  refresh();
};
filters.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filter, TYPING_MS);
});
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});
shortcut("/", "Search", () => filters.querySelector("[type=search]").focus());

const ACTIONS = {
  cancel: cancelRun,
  async delete(id, name) {
    const question = { title: "Delete this run?", text: `${name} and everything it recorded will be gone.`, yes: "Delete" };
    if (!(await confirmAction(question))) return;
    await remove(`/runs/${id}`);
    picks.drop(id);
    toast(`${name} is deleted.`);
  },
};
list.addEventListener("click", async (event) => {
  const action = event.target instanceof Element && event.target.closest("[data-action]");
  if (!action) return;
  const { run, name } = action.closest("[data-run]").dataset;
  try {
    await ACTIONS[action.dataset.action](run, name);
    refresh();
  } catch (error) {
    toastError(error);
  }
});

document.querySelector("[data-delete-button]").addEventListener("click", async () => {
  const ids = picks.ids();
  const runs = ids.length === 1 ? "this run" : `these ${ids.length} runs`;
  const question = { title: `Delete ${runs}?`, text: "All that they recorded will be gone. Runs that are not over stay.", yes: "Delete" };
  if (!(await confirmAction(question))) return;
  let gone = 0;
  for (const id of ids) {
    try {
      await remove(`/runs/${id}`);
      gone += 1;
      picks.drop(id);
    } catch (error) {
      // One that is not over is told of below; one that is gone already is no tick any more.
      if (error.status === 404) picks.drop(id);
      else if (error.status !== 409) return toastError(error);
    }
  }
  const left = picks.ids().length;
  toast(`${gone} deleted${left ? `; ${left} not over yet: stop them first` : ""}.`);
  refresh();
});

showTimes(list);
setInterval(() => showTimes(list), TIMES_MS);
