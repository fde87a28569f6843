import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, followEvents } from "../../../static/js/wire/events.js";

function fakeWorld() {
  const world = { sources: [], timers: [], visibility: null };
  world.EventSource = class {
    constructor(url) {
      Object.assign(this, { url, listeners: {}, readyState: 0, closed: false });
      world.sources.push(this);
    }
    addEventListener(kind, listener) { this.listeners[kind] = listener; }
    emit(kind, event = {}) { this.listeners[kind](event); }
    close() { this.closed = true; }
  };
  world.document = { hidden: false, addEventListener: (_, listener) => { world.visibility = listener; } };
  world.setTimeout = (run, wait) => world.timers.push({ run, wait });
  world.clearTimeout = () => {};
  return world;
}

test("one stream for all runs of the tab", () => {
  const world = fakeWorld();
  followEvents({ runs: ["a", "b"], onEvent: () => {} }, world);
  assert.deepEqual(world.sources.map((source) => source.url), ["/api/v1/events?run=a&run=b"]);
});

test("events arrive with their kind and data", () => {
  const world = fakeWorld();
  const got = [];
  const stream = followEvents({ onEvent: (kind, data) => got.push([kind, data]) }, world);
  world.sources[0].emit("frame", { data: '{"run":"a","step":50}', lastEventId: "7" });
  assert.deepEqual(got, [["frame", { run: "a", step: 50 }]]);
  assert.equal(stream.lastId(), "7");
});

test("a refused stream is opened again, later each time", () => {
  const world = fakeWorld();
  followEvents({ onEvent: () => {} }, world);
  for (const wait of [1000, 2000, 4000]) {
    const source = world.sources.at(-1);
    source.readyState = 2;
    source.emit("error");
    assert.equal(source.closed, true);
    const timer = world.timers.pop();
    assert.equal(timer.wait, wait);
    timer.run();
  }
  assert.equal(world.sources.length, 4);
});

test("a drop that the browser mends itself is only said", () => {
  const world = fakeWorld();
  const states = [];
  followEvents({ onEvent: () => {}, onState: (state) => states.push(state) }, world);
  world.sources[0].emit("open");
  world.sources[0].emit("error");
  assert.deepEqual([states, world.sources.length], [["connecting", "live", "stale"], 1]);
});

test("after a drop the page catches up, at the first opening it does not", () => {
  const world = fakeWorld();
  let caught = 0;
  followEvents({ onEvent: () => {}, onCatchUp: () => { caught += 1; } }, world);
  world.sources[0].emit("open");
  assert.equal(caught, 0);
  world.sources[0].emit("error");
  world.sources[0].emit("open");
  assert.equal(caught, 1);
});

test("a hidden tab holds no connection", () => {
  const world = fakeWorld();
  followEvents({ onEvent: () => {} }, world);
  world.document.hidden = true;
  world.visibility();
  assert.equal(world.sources[0].closed, true);
  world.document.hidden = false;
  world.visibility();
  assert.equal(world.sources.length, 2);
});

test("a paused view stays closed until it is resumed", () => {
  const world = fakeWorld();
  const stream = followEvents({ onEvent: () => {} }, world);
  stream.close();
  world.visibility();
  assert.equal(world.sources.length, 1);
  stream.resume();
  assert.equal(world.sources.length, 2);
});

test("waiting never grows beyond half a minute", () => assert.equal(backoff(20), 30000));
