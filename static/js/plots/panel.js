// A panel: one figure with its states. It fetches the figure once for what is chosen, and draws it again, without
// network, whenever only the way of looking at it changes. What is not on screen is neither fetched nor drawn.
import { apiUrl, ApiError } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { together } from "../wire/together.js";
import { decodeFigure } from "./decode.js";
import { mountCursor } from "./cursor.js";
import { offerOf } from "./missing.js";
import { draw, drawQuickly, inTurn, nextFrame, onClick, onHover, onZoom } from "./mount.js";
import { present } from "./view.js";

/** Figures of finished frames never change: so many are kept for scrubbing back and forth. */
const KEPT = 300;
const kept = new Map();

// A panel that takes long to draw is drawn less often, so that the page and its quick panels keep their pace: this is the
// share of the time that each may take. The newest figure wins, and the last is always drawn.
const DRAWING_SHARE = 0.06;

const fetchTogether = together(fetchBody);

/**
 * @param {HTMLElement} section `[data-panel]`
 * @param {{address: () => {path: string, query: object, final: boolean, family?: string, name?: string}, view: () => object,
 *   onFigure?: (figure: object) => void, onCell?: (cell: object | null) => void,
 *   onPick?: ((cell: {x: number, y: number, z: number}) => void) | null, eager?: boolean}} options `eager`: fetched off screen too
 */
export function createPanel(section, { address, view, onFigure = () => {}, onCell = () => {}, onPick = null, eager = false }) {
  const plot = section.querySelector("[data-plot]");
  const message = section.querySelector("[data-message]");
  let figure = null;
  let url = "";
  let visible = !("IntersectionObserver" in window);
  let missed = null;
  let listening = false;
  let hovered = null;
  let coming = null;
  const waiting = new Set();
  let wasShown;
  const shown = new Promise((done) => (wasShown = done));
  const moveCursor = view().cursor ? mountCursor(plot) : null;

  function show(state, words = "") {
    section.dataset.state = state;
    message.textContent = words;
    message.hidden = !words;
    wasShown();
    // Where the pointer rests, what it points at has changed.
    if (state === "ready" && hovered) onCell(hovered);
  }

  const load = newest(
    async ({ fresh }) => {
      const wanted = address();
      const next = apiUrl(wanted.path, wanted.query);
      let busy;
      try {
        if (fresh || next !== url || !figure) figure = await (coming = fetchFigure(next, wanted));
        url = next;
        const came = performance.now();
        // First, because what a figure brings (the recorded steps) says where its cursor stands.
        onFigure(figure);
        const isSoon = visible && listening && !paintQuickly();
        busy = performance.now() - came;
        if (isSoon) paintSoon();
        else if (!visible) missed = paintSafely;
        else if (!listening) await paint();
      } catch (error) {
        fail(error);
      }
      for (const done of waiting) done(busy ?? 0);
      waiting.clear();
      return busy;
    },
    { interval: 0, share: 1 },
  );

  async function fetchFigure(next, wanted) {
    if (kept.has(next)) return kept.get(next);
    // The first of each comes by itself: the page itself may have asked for it already.
    const { ok, status, body } = await (figure && wanted.family ? fetchTogether(wanted) : fetchBody(next));
    if (!ok) throw new ApiError(status, body);
    const decoded = decodeFigure(body);
    if (wanted.final) keep(next, decoded);
    return decoded;
  }

  async function paint() {
    if (figure.layout.meta?.empty) {
      show("empty", figure.layout.annotations[0].text);
      message.append(...offerOf(section, figure.layout.meta.missing));
      return;
    }
    await draw(plot, present(figure, view()));
    moveCursor?.(view().step ?? null);
    if (!listening) {
      onHover(plot, (cell) => {
        hovered = cell;
        onCell(cell);
      });
      if (onPick) onClick(plot, onPick);
      onZoom(plot, () => moveCursor?.(view().step ?? null));
      listening = true;
    }
    show("ready");
  }

  const paintSafely = () => paint().catch(fail);

  /** Whether numbers were all that changed, and they are painted. */
  function paintQuickly() {
    if (figure.layout.meta?.empty || !drawQuickly(plot, present(figure, view()))) return false;
    moveCursor?.(view().step ?? null, true);
    show("ready");
    return true;
  }

  const paintSoon = newest(
    async () => {
      await coming?.catch(() => {}); // a newer one is on its way
      await nextFrame(); // what takes no time is seen first
      await inTurn();
      const started = performance.now();
      if (visible) await paintSafely();
      else missed = paintSafely;
      return performance.now() - started;
    },
    { interval: 0, share: DRAWING_SHARE },
  );

  function fail(error) {
    // What was drawn stays; only a panel that has nothing yet shows the error in its place.
    if (figure) show("stale");
    else show("error", error instanceof ApiError ? `${error.title}: ${error.detail}` : "The service did not answer");
  }

  function see(isSeen) {
    visible = isSeen;
    if (!visible || !missed) return;
    const work = missed;
    missed = null;
    work();
  }

  if (!visible) {
    let onScreen = false;
    const look = (entries) => see((onScreen = entries[entries.length - 1].isIntersecting));
    new IntersectionObserver(look, { rootMargin: "120px" }).observe(section);
    // Paper has all of them. The browser's own menu does not wait for what comes: that is drawn for the next print.
    window.addEventListener("beforeprint", () => see(true));
    window.addEventListener("afterprint", () => shown.then(() => see(onScreen)));
  }

  return {
    name: section.dataset.panel,
    section,
    plot,
    figure: () => figure,
    url: () => url,
    onPick,
    /** Fetch what is chosen now; `fresh` also where the address did not change. Resolves to the ms that it took at once. */
    refresh({ fresh = false } = {}) {
      if (!visible && !eager) {
        missed = () => load({ fresh: true });
        return Promise.resolve(0);
      }
      const done = new Promise((resolve) => waiting.add(resolve));
      load({ fresh });
      return done;
    },
    /** Draw again what is there. */
    redraw() {
      if (figure && visible) paintSafely();
      else if (figure) missed ??= paintSafely;
    },
    /** @param {number} step */
    cursor(step) {
      if (figure && visible) moveCursor?.(step);
    },
  };
}

async function fetchBody(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  return { ok: response.ok, status: response.status, body: await response.json() };
}

function keep(url, figure) {
  kept.set(url, figure);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}
