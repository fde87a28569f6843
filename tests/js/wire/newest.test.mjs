import assert from "node:assert/strict";
import { test } from "node:test";
import { newest } from "../../../static/js/wire/newest.js";

/** A clock that a test turns by hand. */
function world() {
  const timers = [];
  const clock = { time: 0 };
  return {
    clock,
    options: { interval: 250, now: () => clock.time, setTimeout: (run, wait) => timers.push({ run, at: clock.time + wait }) },
    async turn(to) {
      clock.time = to;
      for (const timer of timers.splice(0).sort((a, b) => a.at - b.at)) {
        if (timer.at <= to) timer.run();
        else timers.push(timer);
      }
      await settle();
    },
  };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("the first is done at once, of those that wait the newest", async () => {
  const { options, turn } = world();
  const done = [];
  const ask = newest(async (request) => { done.push(request); }, options);
  ask(1);
  ask(2);
  ask(3);
  await settle();
  assert.deepEqual(done, [1]);
  await turn(250);
  assert.deepEqual(done, [1, 3]);
});

test("a hundred requests in a second make at most four more", async () => {
  const { options, turn } = world();
  let count = 0;
  const ask = newest(async () => { count += 1; }, options);
  for (let time = 0; time <= 1000; time += 10) {
    await turn(time);
    ask(time);
    await settle();
  }
  assert.equal(count, 5);
});

test("work that takes long is asked for less often", async () => {
  const { clock, options, turn } = world();
  let count = 0;
  const ask = newest(async () => { count += 1; clock.time += 1000; }, options);
  ask(1);
  await settle();
  ask(2);
  await turn(1500);
  assert.equal(count, 1);
  await turn(2000);
  assert.equal(count, 2);
});

test("work that says how long it kept the page busy rests for that, and little for what it waited", async () => {
  const { clock, options, turn } = world();
  const started = [];
  const ask = newest(async () => { started.push(clock.time); clock.time += 600; return 100; }, { ...options, share: 0.2 });
  ask(1);
  await settle();
  ask(2);
  await turn(799);
  assert.deepEqual(started, [0]);
  await turn(800);
  assert.deepEqual(started, [0, 800]);
});

test("what a share is for is asked for as often as it allows", async () => {
  const { clock, options, turn } = world();
  let count = 0;
  const ask = newest(async () => { count += 1; clock.time += 30; return 30; }, { ...options, interval: 0, share: 0.1 });
  ask(1);
  await settle();
  ask(2);
  await turn(299);
  assert.equal(count, 1);
  await turn(300);
  assert.equal(count, 2);
});

test("never two at a time", async () => {
  const { options, turn } = world();
  let finish;
  const started = [];
  const ask = newest((request) => { started.push(request); return new Promise((resolve) => { finish = resolve; }); }, options);
  ask("a");
  ask("b");
  await turn(5000);
  assert.deepEqual(started, ["a"]);
  finish();
  await settle();
  await turn(20000);
  assert.deepEqual(started, ["a", "b"]);
});
