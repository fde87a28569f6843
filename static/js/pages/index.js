// The list of runs: filters, ticks for the comparison, stopping and deleting, and what happens while one looks.
import { confirmAction } from "../shell/dialog.js";
import { shortcut } from "../shell/keyboard.js";
import { toast, toastError } from "../shell/toasts.js";
import { getJson } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { mountDeletion } from "./deletion.js";
import { followRuns } from "./live_runs.js";
import { mountPicks, withPicks } from "./picks.js";
import { OVER, cancelRun, cancelRuns } from "./run_verbs.js";
import { listOf, mergeList, showProgress, showTimes } from "./run_rows.js";

const REFRESH_MS = 1000;
const TYPING_MS = 250;
const TIMES_MS = 30000;

const list = document.querySelector("[data-list]");
const filters = document.querySelector("[data-filters]");
const picks = mountPicks(document.querySelector("[data-compare]"), list);
const rowOf = (id) => list.querySelector(`[data-run="${CSS.escape(id)}"]`);

// Runs whose deletion can still be taken back: the service has them, the list shows them no more.
const deleted = new Set();
const hideDeleted = () => {
  for (const row of list.querySelectorAll("[data-run]")) row.hidden = deleted.has(row.dataset.run);
};
const deleteRuns = mountDeletion({
  hide(ids) {
    for (const id of ids) {
      deleted.add(id);
      picks.drop(id);
    }
    hideDeleted();
  },
  show(ids) {
    for (const id of ids) deleted.delete(id);
    hideDeleted();
    refresh();
  },
});

const refresh = newest(
  async () => {
    try {
      const response = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
      const newer = response.ok ? listOf(await response.text()) : null;
      if (!newer) return;
      mergeList(list, newer);
      hideDeleted();
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
  const untag = filters.querySelector("[data-untag]");
  query.delete("tag");
  if (untag) untag.href = `/?${query}`;
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

// What is ticked goes along to other pages of the list and to a tag's runs.
document.querySelector("[data-runs]").addEventListener("click", ({ target }) => {
  const link = target.closest("a.tag, [data-untag], .pager a");
  if (link) link.search = withPicks(link.search, picks.ids());
});

const ACTIONS = {
  cancel: cancelRun,
  async delete(id, name) {
    await deleteAll([{ id, name, sweep: rowOf(id).dataset.sweep }]);
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

/** Delete runs, after a question where a sweep loses them: its grid is not made whole by hand. */
async function deleteAll(runs, more = "") {
  const sweeps = [...new Set(runs.map(({ sweep }) => sweep).filter(Boolean))];
  if (sweeps.length) {
    const title = runs.length === 1 ? "Delete a run of a sweep?" : "Delete runs of a sweep?";
    const text = `The grid of ${sweeps.map((name) => `“${name}”`).join(" and ")} will lack them. A sweep is deleted whole on its own page.`;
    if (!(await confirmAction({ title, text, yes: "Delete" }))) return;
  }
  deleteRuns(runs, more);
}

/** What is ticked has no row here where it is on another page of the list: the service tells of it; null: it is gone. */
async function tickedRun(id) {
  const row = rowOf(id);
  if (row) return { id, ...row.dataset };
  try {
    const { name, status } = await getJson(`/runs/${id}`);
    return { id, name: name || id, status };
  } catch (error) {
    if (error.status !== 404) throw error;
    picks.drop(id);
    return null;
  }
}

/** Do something with all that is ticked. @param {(over: object[], going: object[]) => Promise<unknown>} act */
const withTicked = (act) => async () => {
  try {
    const ticked = (await Promise.all(picks.ids().map(tickedRun))).filter(Boolean);
    const [over, going] = [true, false].map((wanted) => ticked.filter(({ status }) => OVER.has(status) === wanted));
    await act(over, going);
  } catch (error) {
    toastError(error);
  }
};

async function stopTicked(_, going) {
  if (going.length) await cancelRuns(going);
  else toast("What is ticked is over already.");
  refresh();
}

async function deleteTicked(over, { length: left }) {
  const words = left ? `${left} not over yet: stop them first.` : "";
  if (over.length) await deleteAll(over, words);
  else if (words) toast(words);
}

document.querySelector("[data-stop-button]").addEventListener("click", withTicked(stopTicked));
document.querySelector("[data-delete-button]").addEventListener("click", withTicked(deleteTicked));

showTimes(list);
setInterval(() => showTimes(list), TIMES_MS);
