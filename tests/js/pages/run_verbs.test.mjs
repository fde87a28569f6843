import assert from "node:assert/strict";
import { test } from "node:test";
import { cancelRuns, takeBack } from "../../../static/js/pages/run_verbs.js";

/** A run that goes through these states, one at each look, and what was asked of it. */
function world(states) {
  const asked = [];
  let looks = 0;
  return {
    asked,
    looks: () => looks,
    getJson: async () => ({ status: states[Math.min(looks++, states.length - 1)] }),
    post: async (path) => asked.push(path),
    later: async () => {},
  };
}

test("a pause is taken back as soon as the run has paused", async () => {
  const one = world(["running", "running", "paused"]);
  assert.equal(await takeBack("a", "resume", ["paused"], one), null);
  assert.deepEqual(one.asked, ["/runs/a/resume"]);
  assert.equal(one.looks(), 3);
});

test("a run that is over meanwhile is left alone, and its state told", async () => {
  const one = world(["running", "succeeded"]);
  assert.equal(await takeBack("a", "resume", ["paused"], one), "succeeded");
  assert.deepEqual(one.asked, []);
});

test("a run that never gets there is given up on", async () => {
  const one = world(["running"]);
  assert.match(await takeBack("a", "resume", ["paused"], one), /expected/);
  assert.deepEqual(one.asked, []);
});

/** Somebody who answers every question, a service that refuses some runs, and what both were told. */
function stopping(answer, refused = []) {
  const log = { asked: [], posted: [], told: [] };
  return {
    log,
    confirm: async ({ title }) => log.asked.push(title) && answer,
    async post(path) {
      log.posted.push(path);
      if (refused.includes(path)) throw Object.assign(new Error("no"), { detail: "the run is over" });
    },
    toast: (text) => log.told.push(text),
  };
}
const GOING = [
  { id: "a", name: "one" },
  { id: "b", name: "two" },
];

test("runs are stopped after one question, and one message counts them", async () => {
  const world = stopping(true);
  assert.equal(await cancelRuns(GOING, world), true);
  assert.deepEqual(world.log, {
    asked: ["Stop 2 runs?"],
    posted: ["/runs/a/cancel", "/runs/b/cancel"],
    told: ["2 runs are being cancelled; what is recorded stays."],
  });
});

test("without a yes no run is stopped", async () => {
  const world = stopping(false);
  assert.equal(await cancelRuns(GOING, world), false);
  assert.deepEqual([world.log.posted, world.log.told], [[], []]);
});

test("a run that the service does not stop is told beside those that it does", async () => {
  const world = stopping(true, ["/runs/a/cancel"]);
  await cancelRuns(GOING, world);
  assert.deepEqual(world.log.told, ["1 run is being cancelled; what is recorded stays. 1 not: the run is over"]);
});

test("a single run is named, and what the service says of it is thrown", async () => {
  const world = stopping(true);
  await cancelRuns(GOING.slice(0, 1), world);
  assert.deepEqual([world.log.asked, world.log.told], [
    ["Stop this run?"],
    ["one is being cancelled; what it recorded stays."],
  ]);
  await assert.rejects(cancelRuns(GOING.slice(0, 1), stopping(true, ["/runs/a/cancel"])), /no/);
});
