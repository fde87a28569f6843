import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, exponentText, large, magnitudeText, short, statusWord, told } from "../../../static/js/plots/words.js";

for (const [log10, text] of [[-11.43, "10^−11.4"], [-12041.4, "10^−12041.4"], [0, "1"], [-1, "0.1"], [-2.5, "0.00316"], [-3, "10^−3"], [2.99, "977"], [5, "10^5"], [-Infinity, "0"], [NaN, "not finite"]]) {
  test(`10 to the ${log10} reads ${text}`, () => assert.equal(magnitudeText(log10), text));
}

for (const [value, text] of [[0.76712, "0.767"], [-2.5, "−2.5"], [1.3e-7, "1.30e−7"], [4.81e-4, "0.000481"], [9.9e-5, "9.90e−5"], [9.9996e-5, "0.0001"], [-9.9996e-6, "−1.00e−5"], [2.5e7, "2.50e7"], [Infinity, "∞"], [null, "–"], [NaN, "–"], [0, "0"]]) {
  test(`${value} reads ${text}`, () => assert.equal(short(value), text));
}

for (const [value, text] of [[1.51e20, "10^20.2"], [1e5, "10^5"], [99999, "100000"], [0.98, "0.98"], [Infinity, "∞"], [null, "–"], [NaN, "–"]]) {
  test(`a size of ${value} reads ${text}`, () => assert.equal(large(value), text));
}

for (const [seconds, text] of [[42, "0:42"], [3723, "1:02:03"], [0.2, "0:00"], [null, ""], [Infinity, ""]]) {
  test(`${seconds} s reads "${text}"`, () => assert.equal(duration(seconds), text));
}

test("a sentence of the service has its numbers as the page writes them", () => {
  assert.equal(told("Only 1.3e-28 is left, 1e1170 times as large, in 5e2."), "Only 10^−27.9 is left, 10^1170 times as large, in 500.");
});

test("an exponent has a true minus sign", () => assert.equal(exponentText(-4), "−4"));

test("a run that came to its end is finished, whatever it learned", () => {
  assert.deepEqual(["succeeded", "running"].map(statusWord), ["Finished", "Running"]);
});
