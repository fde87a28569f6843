import assert from "node:assert/strict";
import { test } from "node:test";
import { deletedText, mountDeletion } from "../../../static/js/pages/deletion.js";

/** A page, a service and a clock that the test holds. @param {(path: string) => Promise<void>} remove */
function world(remove = async () => {}) {
  const log = { hidden: [], shown: [], removed: [], left: [], errors: 0, toast: null, leave: null };
  const run = mountDeletion({
    hide: (ids) => log.hidden.push(...ids),
    show: (ids) => log.shown.push(...ids),
    world: {
      toast: (text, options) => Object.assign(log, { text, toast: options }),
      toastError: () => (log.errors += 1),
      async remove(path) {
        log.removed.push(path);
        await remove(path);
      },
      leave: (ids) => log.left.push(...ids),
      onLeave: (leave) => (log.leave = leave),
    },
  });
  return { log, run };
}
const RUNS = [
  { id: "a", name: "one" },
  { id: "b", name: "two" },
];
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("what is deleted is hidden at once, and told to the service when the message goes", async () => {
  const { log, run } = world();
  run(RUNS);
  assert.deepEqual([log.hidden, log.removed, log.text], [["a", "b"], [], "2 runs deleted."]);
  log.toast.onEnd();
  await settled();
  log.leave();
  assert.deepEqual([log.removed, log.left], [["/runs/a", "/runs/b"], []]);
});

test("undo shows it again and tells nobody", async () => {
  const { log, run } = world();
  run(RUNS);
  log.toast.onAction();
  log.leave();
  await settled();
  assert.deepEqual([log.shown, log.removed, log.left], [["a", "b"], [], []]);
});

test("leaving the page sends what still waits, once", async () => {
  const { log, run } = world();
  run(RUNS);
  log.leave();
  log.toast.onEnd();
  await settled();
  assert.deepEqual([log.left, log.removed], [["a", "b"], []]);
});

test("what the service refuses is shown again; what is gone already is gone", async () => {
  const { log, run } = world(async (path) => {
    throw Object.assign(new Error("no"), { status: path === "/runs/a" ? 404 : 409 });
  });
  run(RUNS);
  log.toast.onEnd();
  await settled();
  assert.deepEqual([log.shown, log.errors], [["b"], 1]);
});

test("one is named, several are counted", () => {
  assert.deepEqual([deletedText(1, ["one"]), deletedText(8, [])], ["one deleted.", "8 runs deleted."]);
});
