// The state of a view is its address: declared once here, read at the start, written with every change. A view is a
// link, and Back works. What this page does not know stays in the address as it was.

/** @typedef {{parse: (text: string) => any, print?: (value: any) => string, start: any}} Field */

const integer = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
const oneOf = (...values) => (text) => values.find((value) => String(value) === text);
const name = (text) => (/^[\w.]{1,100}$/.test(text) ? text : undefined);
const layerName = (text) => (/^\d{1,2}r?$/.test(text) ? text : undefined);
const flag = (text) => ({ on: true, off: false })[text];
const printFlag = (value) => (value ? "on" : "off");

/** @param {string} layer @returns {string | null} what an address says of a layer: nothing of the lowest */
export const layerInAddress = (layer) => (layer === "0" ? null : layer);

/** What the pages of figures share. `step: null` follows the newest frame, `layer: null` is the top one. */
export const VIEW = {
  step: { parse: integer, start: null },
  layer: { parse: layerName, start: null },
  mode: { parse: oneOf("ratio", "magnitude"), start: "ratio" },
  range: { parse: oneOf(4, 8, 16), start: 8 },
};

/** @type {Record<string, Field>} `losses: null` is the last one alone where a task has many */
export const RUN_VIEW = {
  tab: { parse: name, start: "overview" },
  ...VIEW,
  parameter: { parse: name, start: null },
  gate: { parse: name, start: null },
  losses: { parse: oneOf("all", "last"), start: null },
  log: { parse: flag, print: printFlag, start: true },
  reach: { parse: flag, print: printFlag, start: true },
  order: { parse: oneOf("size", "index"), start: "size" },
};

const within = (low, high) => (text) => {
  const value = Number(text);
  return text.trim() !== "" && value >= low && value <= high ? value : undefined;
};

/** @type {Record<string, Field>} one scrubber by step or by loss; `loss: null` is where each run is now */
export const COMPARE_VIEW = {
  ...VIEW,
  align: { parse: oneOf("step", "loss"), start: "step" },
  loss: { parse: within(Number.MIN_VALUE, Number.MAX_VALUE), start: null },
};

/** @type {Record<string, Field>} T steps at the pre-activation a */
export const ACTIVATIONS_VIEW = {
  length: { parse: (text) => within(1, 200)(integer(text) === undefined ? "" : text), start: 20 },
  at: { parse: within(-4, 4), start: 1 },
};

/** @param {string} search @param {Record<string, Field>} fields */
export function readState(search, fields) {
  const query = new URLSearchParams(search);
  const state = {};
  for (const [name, field] of Object.entries(fields)) {
    const text = query.get(name);
    const value = text === null ? undefined : field.parse(text);
    state[name] = value === undefined ? field.start : value;
  }
  return state;
}

/** @param {object} state @param {string} search what stands there now @returns {string} "" or "?…" */
export function writeState(state, search, fields) {
  const query = new URLSearchParams(search);
  for (const [name, field] of Object.entries(fields)) {
    if (state[name] === field.start) query.delete(name);
    else query.set(name, (field.print ?? String)(state[name]));
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

/**
 * @param {Record<string, Field>} fields
 * @param {Window} [page]
 */
export function createState(fields, page = window) {
  const listeners = new Set();
  let state = readState(page.location.search, fields);
  const tell = (before) => {
    const changed = Object.keys(fields).filter((name) => before[name] !== state[name]);
    if (changed.length) for (const listener of listeners) listener(state, changed);
  };
  page.addEventListener("popstate", () => {
    const before = state;
    state = readState(page.location.search, fields);
    tell(before);
  });
  return {
    get: () => state,
    /** @param {object} changes */
    set(changes) {
      const before = state;
      state = { ...state, ...changes };
      const search = writeState(state, page.location.search, fields);
      page.history.replaceState(page.history.state, "", page.location.pathname + search + page.location.hash);
      tell(before);
    },
    /** @param {(state: object, changed: string[]) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
