// What the service tells of one run, turned into what its page does about it.
import { newest } from "../wire/newest.js";
import { followRuns } from "./live_runs.js";
import { isOver } from "./run_head.js";

/**
 * Follow one run.
 * @param {{id: string, status: string}} run
 * @param {{head: object, isNews: (step: number) => boolean, refresh: () => Promise<number>, status: () => Promise<void>}} page
 */
export function followRun(run, { head, isNews, refresh, status }) {
  // Frames that come at once are one picture; whoever names no step wants to see how things stand.
  const refreshSoon = newest((step) => (step === undefined || isNews(step) ? refresh() : 0));
  const statusSoon = newest(() => status().catch(() => {}));
  const catchUp = () => {
    statusSoon();
    refreshSoon();
  };
  statusSoon();
  return followRuns([run.id], {
    catchUp,
    onEvent(kind, data) {
      // A stream opens with the newest event of each kind: what is over came with the page already.
      if (isOver(run.status)) return;
      if (kind === "progress") head.progress(data);
      else if (kind !== "frame") statusSoon();
      if (kind === "end") refreshSoon();
      else if (kind === "frame" && isNews(data.step)) refreshSoon(data.step);
    },
  });
}
