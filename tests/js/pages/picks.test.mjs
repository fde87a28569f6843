import assert from "node:assert/strict";
import { test } from "node:test";
import { pickedText, withPicks } from "../../../static/js/pages/picks.js";

test("picks are in the address beside what is there", () => {
  assert.equal(withPicks("?q=tanh&pick=old", ["a", "b"]), "?q=tanh&pick=a&pick=b");
  assert.equal(withPicks("?pick=old", []), "");
});

for (const [count, words] of [
  [0, ""],
  [1, "1 picked, pick one more"],
  [2, "2 picked"],
  [6, "6 picked"],
  [7, "7 picked, at most 6 fit"],
]) {
  test(`${count} ticked: ${words || "nothing to say"}`, () => assert.equal(pickedText(count), words));
}
