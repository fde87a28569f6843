// Work that is asked for faster than it can be done: one at a time, the newest wins, never more often than allowed.

/** Four fetches a second are enough for an eye, and little enough for two cores that also train. */
export const LIVE_INTERVAL_MS = 250;
// Work that takes long is asked for less often: at most this share of the time goes into it.
const BUSY_SHARE = 0.5;
// And where it only waits for the service, that rests a little, too.
const WAITING_SHARE = 0.75;

/**
 * @template T
 * @param {(request: T) => Promise<number | void>} work resolves to the ms for which it kept the page busy; without a
 *   number that is all of its time
 * @param {{interval?: number, share?: number, now?: () => number, setTimeout?: typeof setTimeout}} [options]
 * @returns {(request: T) => void}
 */
export function newest(work, { interval = LIVE_INTERVAL_MS, share = BUSY_SHARE, now = () => performance.now(), ...world } = {}) {
  const later = world.setTimeout ?? ((run, wait) => setTimeout(run, wait));
  let waiting = null;
  let busy = false;
  let free = -Infinity;

  async function run() {
    const { request } = waiting;
    waiting = null;
    const started = now();
    let kept;
    try {
      kept = await work(request);
    } finally {
      const took = now() - started;
      free = started + Math.max(interval, (kept ?? took) / share, took / Math.max(share, WAITING_SHARE));
      busy = false;
      if (waiting) plan();
    }
  }

  function plan() {
    busy = true;
    const wait = free - now();
    if (wait > 0) later(run, wait);
    else run();
  }

  return (request) => {
    waiting = { request };
    if (!busy) plan();
  };
}
