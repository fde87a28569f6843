// A panel: one figure with its states. It fetches the figure once for what is chosen, and draws it again, without
// network, whenever only the way of looking at it changes. What is not on screen is neither fetched nor drawn.
import { apiUrl, ApiError } from "../wire/api.js";
import { newest } from "../wire/newest.js";
import { decodeFigure } from "./decode.js";
import { mountCursor } from "./cursor.js";
import { draw, inTurn, onClick, onHover, onZoom } from "./mount.js";
import { present } from "./view.js";

/** Figures of finished frames never change: so many are kept for scrubbing back and forth. */
const KEPT = 300;
const kept = new Map();

/** Figures that were asked for together are drawn together, and wait for each other no longer than this. */
const MEET_MS = 60;
let coming = 0;
const early = new Set();

async function counted(fetching) {
  coming += 1;
  try {
    return await fetching;
  } finally {
    coming -= 1;
    if (!coming) {
      for (const go of early) go();
      early.clear();
    }
  }
}

/** Until the others that are on their way are here, too. */
async function othersCome() {
  if (!coming) return;
  await new Promise((go) => {
    early.add(go);
    setTimeout(go, MEET_MS);
  });
}

/**
 * @param {HTMLElement} section `[data-panel]`
 * @param {{address: () => {path: string, query: object, final: boolean}, view: () => object,
 *   onFigure?: (figure: object) => void, onCell?: (cell: object | null) => void,
 *   onPick?: ((cell: {x: number, y: number, z: number}) => void) | null, eager?: boolean}} options `eager`: fetched off screen too
 */
export function createPanel(section, { address, view, onFigure = () => {}, onCell = () => {}, onPick = null, eager = false }) {
  const plot = section.querySelector("[data-plot]");
  const message = section.querySelector("[data-message]");
  let figure = null;
  let url = "";
  let controller = null;
  let visible = !("IntersectionObserver" in window);
  let missed = null;
  let listening = false;
  const waiting = new Set();
  const moveCursor = view().cursor ? mountCursor(plot) : null;

  function show(state, words = "") {
    section.dataset.state = state;
    message.textContent = words;
    message.hidden = !words;
  }

  /** What a run did not record, another one can. @param {string | undefined} missing a statistic */
  function offer(missing) {
    const { from } = section.dataset;
    if (!missing || !from) return;
    const link = document.createElement("a");
    // With the panels beside it, so that one more run fills all that are seen together.
    const beside = (section.closest("[data-unrecorded]")?.dataset.unrecorded ?? "").split(" ").filter(Boolean);
    const all = [...new Set([missing, ...beside])];
    link.href = `/runs/new?${new URLSearchParams([["from", from], ...all.map((name) => ["record", name])])}`;
    link.textContent = all.length > 1 ? "Run it again and record all of this tab" : "Run it again and record this";
    message.append(link);
  }

  const load = newest(
    async ({ fresh }) => {
      const wanted = address();
      const next = apiUrl(wanted.path, wanted.query);
      try {
        if (fresh || next !== url || !figure) figure = await fetchFigure(next, wanted.final);
        url = next;
        if (listening) await othersCome().then(inTurn);
        // First, because what a figure brings (the recorded steps) says where its cursor stands.
        onFigure(figure);
        if (visible) await paint();
        else missed = () => paint().catch(fail);
      } catch (error) {
        if (error.name !== "AbortError") fail(error);
      }
      for (const done of waiting) done();
      waiting.clear();
    },
    { interval: 0 },
  );

  async function fetchFigure(next, final) {
    if (kept.has(next)) return kept.get(next);
    controller?.abort();
    controller = new AbortController();
    const { ok, status, body } = await counted(fetchBody(next, controller.signal));
    if (!ok) throw new ApiError(status, body);
    const decoded = decodeFigure(body);
    if (final) keep(next, decoded);
    return decoded;
  }

  async function paint() {
    if (figure.layout.meta?.empty) {
      show("empty", figure.layout.annotations[0].text);
      offer(figure.layout.meta.missing);
      return;
    }
    await draw(plot, present(figure, view()));
    moveCursor?.(view().step ?? null);
    if (!listening) {
      onHover(plot, onCell);
      if (onPick) onClick(plot, onPick);
      onZoom(plot, () => moveCursor?.(view().step ?? null));
      listening = true;
    }
    show("ready");
  }

  function fail(error) {
    // What was drawn stays; only a panel that has nothing yet shows the error in its place.
    if (figure) show("stale");
    else show("error", error instanceof ApiError ? `${error.title}: ${error.detail}` : "The service did not answer");
  }

  function whenSeen(work) {
    if (visible) work();
    else missed = work;
  }

  if (!visible) {
    const observer = new IntersectionObserver(
      (entries) => {
        visible = entries[entries.length - 1].isIntersecting;
        if (!visible || !missed) return;
        const work = missed;
        missed = null;
        work();
      },
      { rootMargin: "120px" },
    );
    observer.observe(section);
  }

  return {
    name: section.dataset.panel,
    section,
    plot,
    figure: () => figure,
    url: () => url,
    onPick,
    /** Fetch what is chosen now; `fresh` also where the address did not change. */
    refresh({ fresh = false } = {}) {
      if (!visible && !eager) {
        missed = () => load({ fresh: true });
        return Promise.resolve();
      }
      const done = new Promise((resolve) => waiting.add(resolve));
      load({ fresh });
      return done;
    },
    /** Draw again what is there. */
    redraw() {
      if (figure) whenSeen(() => paint().catch(fail));
    },
    /** @param {number} step */
    cursor(step) {
      if (figure && visible) moveCursor?.(step);
    },
  };
}

async function fetchBody(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "application/json" } });
  return { ok: response.ok, status: response.status, body: await response.json() };
}

function keep(url, figure) {
  kept.set(url, figure);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}
