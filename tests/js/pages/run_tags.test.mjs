import assert from "node:assert/strict";
import { test } from "node:test";
import { tagsOf } from "../../../static/js/pages/run_tags.js";

for (const [text, tags] of [
  ["", []],
  ["mine", ["mine"]],
  [" a , b,, a ", ["a", "b"]],
]) {
  test(`"${text}" is ${tags.length} tags`, () => assert.deepEqual(tagsOf(text), tags));
}
