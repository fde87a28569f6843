import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { headline, lineOf, troublesOf } from "../../../static/js/plots/verdicts.js";

const CASES = JSON.parse(readFileSync(new URL("../vectors/verdicts.json", import.meta.url), "utf8"));

for (const { title, glyph, style, troubles, line, ...verdict } of CASES) {
  test(`a span that is ${verdict.word} with ${verdict.kinds.join(", ") || "no kinds"} reads ${title}`, () => {
    assert.deepEqual(headline(verdict), { title, glyph, style });
    assert.equal(troublesOf(verdict), troubles);
    assert.equal(lineOf(verdict), line);
  });
}
