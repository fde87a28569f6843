import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, placesOf, problemOf, valueOf } from "../../../static/js/pages/form_values.js";

const field = (pointer, control, value, more = {}) => ({ pointer, control, value, ...more });
const number = (value, more = {}) => field("/n", "number", value, { type: "number", ...more });

test("fields become the configuration their pointers say", () => {
  const config = configOf([
    field("/name", "text", "  ", { nullable: true }),
    field("/task", "select", "adding", { kind: true }),
    field("/task/length", "number", "100", { type: "integer" }),
    field("/model/cell", "select", "lstm"),
    field("/model/bias", "check", "true", { checked: false }),
    field("/training/clipping", "select", ""),
    field("/recording/statistics", "checks", "a", { checked: false }),
    field("/recording/statistics", "checks", "b", { checked: true }),
  ]);
  assert.deepEqual(config, {
    name: null,
    task: { kind: "adding", length: 100 },
    model: { cell: "lstm", bias: false },
    training: { clipping: null },
    recording: { statistics: ["b"] },
  });
});

test("no tick at all is an empty list, not a default", () => {
  assert.deepEqual(configOf([field("/s", "checks", "a", { checked: false })]), { s: [] });
});

test("a field that takes a number or a word gives whichever was written", () => {
  assert.equal(valueOf(field("/model/forget_bias", "text", "1.5", { type: "mixed" })), 1.5);
  assert.equal(valueOf(field("/model/forget_bias", "text", "chrono", { type: "mixed" })), "chrono");
  assert.equal(valueOf(field("/model/forget_bias", "text", "", { type: "mixed", nullable: true })), null);
  assert.equal(valueOf(field("/name", "text", "7", { type: "string" })), "7");
});

test("an empty number is null where that has a meaning, and else left to its default", () => {
  assert.equal(valueOf(number("", { nullable: true })), null);
  assert.equal(valueOf(number("")), undefined);
});

test("a list takes numbers and words, tags stay words", () => {
  assert.deepEqual(valueOf(field("/c", "list", "first, 20,last,", { type: "mixed" })), ["first", 20, "last"]);
  assert.deepEqual(valueOf(field("/t", "list", "a, 12", { type: "string" })), ["a", "12"]);
});

test("a name like a number stays a name", () => assert.equal(valueOf(field("/name", "text", "12")), "12"));

test("what is no number goes on as it came, for the service to say so", () => {
  assert.equal(valueOf(number("many")), "many");
});

test("a pointer's escapes are undone", () => {
  assert.deepEqual(configOf([field("/a~1b/c~0d", "text", "x")]), { "a/b": { "c~d": "x" } });
});

for (const [entry, words] of [
  [number("5", { minimum: 1, maximum: 8 }), ""],
  [number("1e-2", { above: 0 }), ""],
  [number("", { nullable: true }), ""],
  [number(""), "A number is needed here."],
  [number("", { isUnreadable: true, nullable: true }), "This is not a number."],
  [number("0", { minimum: 1 }), "Must be at least 1."],
  [number("0", { above: 0 }), "Must be above 0."],
  [number("9", { maximum: 8 }), "Must be at most 8."],
  [number("1", { below: 1 }), "Must be below 1."],
  [number("1.5", { type: "integer" }), "A whole number is needed here."],
  [number("2362.0", { type: "integer" }), ""],
  [number("1e999"), "This is not a number."],
  [field("/name", "text", ""), ""],
]) {
  test(`${entry.value || "nothing"} within ${JSON.stringify(entry)}: ${words || "fine"}`, () => {
    assert.equal(problemOf(entry), words);
  });
}

test("a problem is shown at its field or at the nearest one above", () => {
  assert.deepEqual(placesOf("/task/kind"), ["/task/kind", "/task"]);
  assert.deepEqual(placesOf(""), []);
});
