// One EventSource for the tab. The browser itself reconnects after a drop and sends Last-Event-ID; a refusal (not 200)
// closes it for good, so that is reopened here, later and later. Closed while the tab is hidden: six connections a host.
import { apiUrl } from "./api.js";

const KINDS = ["status", "progress", "frame", "verdict", "end"];
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

/** How long to wait before the n-th try (from 0). @param {number} attempt */
export function backoff(attempt) {
  return Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
}

/**
 * Follow runs (none named: all).
 * @param {{
 *   runs?: string[],
 *   onEvent: (kind: string, data: any, id: string) => void,
 *   onState?: (state: "connecting" | "live" | "stale" | "closed") => void,
 *   onCatchUp?: () => void, the stream was away: what it told is fetched anew
 * }} handlers
 * @param {{EventSource?: typeof EventSource, document?: Document, setTimeout?: typeof setTimeout, clearTimeout?: typeof clearTimeout}} [world]
 */
export function followEvents({ runs = [], onEvent, onState = () => {}, onCatchUp = () => {} }, world = globalThis) {
  let source = null;
  let timer = null;
  let attempt = 0;
  let wanted = true;
  let opened = false;
  let lastId = "";

  const receive = (kind) => (event) => {
    lastId = event.lastEventId || lastId;
    onEvent(kind, JSON.parse(event.data), lastId);
  };

  function open() {
    if (source || !wanted || world.document.hidden) return;
    onState(attempt ? "stale" : "connecting");
    source = new world.EventSource(apiUrl("/events", { run: runs }));
    for (const kind of KINDS) source.addEventListener(kind, receive(kind));
    source.addEventListener("open", () => {
      attempt = 0;
      onState("live");
      if (opened) onCatchUp();
      opened = true;
    });
    source.addEventListener("error", () => {
      onState("stale");
      // readyState 2 is CLOSED: the browser gave up, 0 is CONNECTING: it tries by itself.
      if (source?.readyState === 2) again();
    });
  }

  function again() {
    shut();
    world.clearTimeout(timer);
    timer = world.setTimeout(open, backoff(attempt));
    attempt += 1;
  }

  function shut() {
    source?.close();
    source = null;
  }

  const onVisibility = () => {
    if (world.document.hidden) {
      shut();
      onState("closed");
    } else open();
  };
  world.document.addEventListener("visibilitychange", onVisibility);
  open();

  return {
    /** Stop for good, or until `resume`. */
    close() {
      wanted = false;
      world.clearTimeout(timer);
      shut();
      onState("closed");
    },
    resume() {
      wanted = true;
      open();
    },
    lastId: () => lastId,
  };
}
