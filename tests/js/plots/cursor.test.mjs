import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf } from "../../../static/js/plots/cursor.js";

test("the cursor stands at its share of the axis, whatever the width", () => {
  assert.deepEqual(placeOf(50, [0, 200]), { share: "25.000%", late: false });
});

test("near the end its tag goes to the other side", () => {
  assert.equal(placeOf(190, [0, 200]).late, true);
});

for (const step of [-1, 201, null]) {
  test(`step ${step} has no place on the axis`, () => assert.equal(placeOf(step, [0, 200]), null));
}

test("without an axis there is no cursor", () => assert.equal(placeOf(1, undefined), null));
