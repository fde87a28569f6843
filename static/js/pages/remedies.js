// The remedy lab: what is tried goes on while one looks. Each trial's step and loss move as they are told; the table
// comes anew with every run that gets into another state.
import { newest } from "../wire/newest.js";
import { followRuns } from "./live_runs.js";
import { showProgress } from "./run_rows.js";

const REFRESH_MS = 1000;
const followed = new Set(["status", "verdict", "end"]);

const lab = () => document.querySelector("[data-lab]");
const ids = () => JSON.parse(document.querySelector("[data-lab-runs]").textContent).runs;

const refresh = newest(
  async () => {
    try {
      const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (!response.ok) return;
      const newer = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-lab]");
      const form = lab().querySelector("form");
      // What somebody is about to choose stays as it is.
      if (form) newer.querySelector("form")?.replaceWith(form);
      lab().replaceWith(newer);
    } catch {
      // The service is away: the pill says so, and the page is fetched anew when it is back.
    }
  },
  { interval: REFRESH_MS },
);

followRuns(ids(), {
  onEvent(kind, data) {
    const trial = kind === "progress" && lab().querySelector(`[data-run="${CSS.escape(data.run)}"]`);
    if (trial) showProgress(trial, data);
    if (followed.has(kind)) refresh();
  },
  onLive: refresh,
  catchUp: refresh,
});
