// Every figure of the catalog as a table: the same snapshots that hold the pictures, among them zero, infinity and NaN.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { tableOf } from "../../../static/js/plots/cells.js";
import { decodeFigure } from "../../../static/js/plots/decode.js";

const SNAPSHOTS = new URL("../../app/figures/snapshots/", import.meta.url);
const MOST_ROWS = 50;
const figures = readdirSync(SNAPSHOTS);

test("there are snapshots of the figures", () => assert.ok(figures.length > 20));

for (const figure of figures) {
  for (const file of readdirSync(new URL(`${figure}/`, SNAPSHOTS))) {
    const drawn = decodeFigure(JSON.parse(readFileSync(new URL(`${figure}/${file}`, SNAPSHOTS), "utf8")));
    if (drawn.layout.meta?.empty) continue;
    test(`${figure}, ${file}: as a table`, () => {
      const { head, rows } = tableOf(drawn, MOST_ROWS);
      assert.ok(rows.length > 0);
      assert.ok(rows.every((row) => row.length === head.length && row.every((text) => typeof text === "string")));
      assert.ok(!rows.flat().some((text) => /undefined|null|\[object/.test(text)));
    });
  }
}

test("rows with a name each are a table of names and shares", () => {
  const data = [{ type: "scatter", x: [0.5, 1], y: [0, 1], text: ["tanh", "relu"], meta: { role: "rows" } }];
  const { head, rows } = tableOf({ data, layout: { meta: { figure: "success_by_lag" } } }, MOST_ROWS);
  assert.deepEqual([head, rows], [["", "share"], [["tanh", "0.5"], ["relu", "1"]]]);
});
