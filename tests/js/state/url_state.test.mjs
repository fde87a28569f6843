import assert from "node:assert/strict";
import { test } from "node:test";
import { COMPARE_VIEW, RUN_VIEW, createState, readState, writeState } from "../../../static/js/state/url_state.js";

const START = { tab: "overview", step: null, layer: null, mode: "ratio", range: 8, parameter: null, gate: null, losses: null, log: true, reach: true, order: "size" };

function fakePage(search) {
  const listeners = {};
  const page = {
    location: { search, pathname: "/runs/a", hash: "" },
    history: { state: null, replaceState: (_, __, url) => { page.location.search = new URL(url, "http://x").search; page.written = url; } },
    addEventListener: (kind, listener) => { listeners[kind] = listener; },
    back: (to) => { page.location.search = to; listeners.popstate(); },
  };
  return page;
}

test("an empty address is the start, and the start is an empty address", () => {
  assert.deepEqual(readState("", RUN_VIEW), START);
  assert.equal(writeState(START, "", RUN_VIEW), "");
});

test("every field goes to the address and comes back", () => {
  const state = { tab: "training", step: 150, layer: "1r", mode: "magnitude", range: 16, parameter: "weight_hh_l0", gate: "f", losses: "all", log: false, reach: false, order: "index" };
  assert.deepEqual(readState(writeState(state, "", RUN_VIEW), RUN_VIEW), state);
});

for (const search of ["?step=-1", "?step=1e9", "?step=last", "?range=5", "?mode=%3Cscript%3E", "?log=maybe", "?layer=9999999999"]) {
  test(`nonsense in the address is the start: ${search}`, () => assert.deepEqual(readState(search, RUN_VIEW), START));
}

test("what the page does not know stays", () => {
  assert.equal(writeState({ ...START, step: 4 }, "?theme=dark&run=a&run=b", RUN_VIEW), "?theme=dark&run=a&run=b&step=4");
});

test("a change is written by replacing, and told once with what changed", () => {
  const page = fakePage("?theme=dark");
  const state = createState(RUN_VIEW, page);
  const told = [];
  state.subscribe((now, changed) => told.push([now.step, changed]));
  state.set({ step: 50 });
  state.set({ step: 50 });
  assert.deepEqual(told, [[50, ["step"]]]);
  assert.equal(page.written, "/runs/a?theme=dark&step=50");
});

test("going back restores the view", () => {
  const page = fakePage("?step=50");
  const state = createState(COMPARE_VIEW, page);
  const told = [];
  state.subscribe((now) => told.push(now.step));
  page.back("?step=10&mode=magnitude");
  assert.deepEqual([told, state.get().mode], [[10], "magnitude"]);
});
