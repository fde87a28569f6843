// A page follows runs: the stream of events, and the pill that says how fresh the page is.
import { mountLivePill } from "../shell/live_pill.js";
import { followEvents } from "../wire/events.js";

const STALE_TICK_MS = 1000;

/**
 * Follow runs with the live pill: click pauses the view, a lost connection says how old the data is.
 * @param {string[]} ids none: all runs
 * @param {{
 *   onEvent: (kind: string, data: any) => void,
 *   onLive?: () => void, the stream is open, for the first time too
 *   catchUp?: () => void, it was closed: what it told is fetched anew
 * }} page
 */
export function followRuns(ids, { onEvent, onLive = () => {}, catchUp = () => {} }) {
  // When the page was known to show how things stand: at the last event, and as long as the stream was open.
  let current = Date.now();
  let state = "connecting";
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
      current = Date.now();
      onEvent(kind, data);
    },
    onState(kind) {
      if (state === "live") current = Date.now();
      state = kind;
      show(kind);
      if (kind === "live") onLive();
    },
  });
  setInterval(() => {
    if (state === "stale") pill.show("stale", `last data ${Math.round((Date.now() - current) / 1000)} s ago`);
  }, STALE_TICK_MS);
  return stream.current;
}
