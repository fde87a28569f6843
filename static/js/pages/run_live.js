// What the service tells of runs, turned into what a page does about it.
import { mountLivePill } from "../shell/live_pill.js";
import { followEvents } from "../wire/events.js";
import { newest } from "../wire/newest.js";
import { isOver } from "./run_head.js";

const STALE_TICK_MS = 1000;

/**
 * Follow one run.
 * @param {{id: string, status: string}} run
 * @param {{head: object, isNews: (step: number) => boolean, refresh: () => Promise<unknown>, status: () => Promise<void>}} page
 */
export function followRun(run, { head, isNews, refresh, status }) {
  const refreshSoon = newest(() => refresh());
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
      if (kind === "end" || (kind === "frame" && isNews(data.step))) refreshSoon();
    },
  });
}

/**
 * Follow runs with the live pill: click pauses the view, a lost connection says how old the data is.
 * @param {string[]} ids
 * @param {{onEvent: (kind: string, data: any) => void, catchUp: () => void}} page
 */
export function followRuns(ids, { onEvent, catchUp }) {
  let heard = Date.now();
  let stale = false;
  const stream = { current: null };
  const pill = mountLivePill({
    onPause: () => stream.current?.close(),
    onResume: () => {
      stream.current?.resume();
      catchUp();
    },
  });
  const show = (kind) => pill.show(kind === "closed" ? "off" : kind);
  stream.current = followEvents({
    runs: ids,
    onCatchUp: catchUp,
    onEvent(kind, data) {
      heard = Date.now();
      onEvent(kind, data);
    },
    onState(kind) {
      stale = kind === "stale";
      if (kind === "live") heard = Date.now();
      show(kind);
    },
  });
  setInterval(() => {
    if (stale) pill.show("stale", `last data ${Math.round((Date.now() - heard) / 1000)} s ago`);
  }, STALE_TICK_MS);
  return stream.current;
}
