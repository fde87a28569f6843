import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf } from "../../../static/js/plots/cursor.js";

const margin = { l: 44, r: 12 };

test("the cursor stands at its share of the axis, whatever the width", () => {
  assert.deepEqual(placeOf(50, [0, 200], margin), { left: "calc(44px + 0.25000 * (100% - 56px))", late: false });
});

test("near the end its tag goes to the other side", () => {
  assert.equal(placeOf(190, [0, 200], margin).late, true);
});

for (const step of [-1, 201, null]) {
  test(`step ${step} has no place on the axis`, () => assert.equal(placeOf(step, [0, 200], margin), null));
}

test("without an axis there is no cursor", () => assert.equal(placeOf(1, undefined, margin), null));
