import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { agoText, countText, etaText, plainNumber } from "../../../static/js/pages/words.js";
import { duration } from "../../../static/js/plots/words.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/words.json", import.meta.url)));

for (const [seconds, text] of vectors.durations) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(duration(seconds), text));
}

for (const [value, text] of vectors.numbers) {
  test(`${value} is written ${text}`, () => assert.equal(plainNumber(value), text));
}

test("what is not recorded is empty", () => {
  assert.equal(plainNumber(null), "");
  assert.equal(etaText(null), "");
});

test("an estimate says how long", () => assert.equal(etaText(42), "0:42 left"));

test("steps have thousands apart", () => assert.equal(countText(1234567), "1,234,567"));

for (const [seconds, text] of vectors.ago) {
  test(`${seconds} s before is ${text}`, () => {
    const now = new Date(Date.UTC(2026, 0, 2));
    assert.equal(agoText(new Date(now.getTime() - seconds * 1000), now), text);
  });
}
