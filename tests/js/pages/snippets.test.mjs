import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { curlText, jsonText, pythonText } from "../../../static/js/pages/snippets.js";

const CONFIG = { name: "it's “so”", tags: [], model: { bias: true, skips: false, radius: null }, rate: 1e-7 };

test("JSON comes back", () => assert.deepEqual(JSON.parse(jsonText(CONFIG)), CONFIG));

test("a shell passes the body on as it is, quotes included", () => {
  const body = curlText(CONFIG, "http://127.0.0.1:8000").split("-d ")[1];
  const passed = execFileSync("/bin/sh", ["-c", `printf %s ${body}`], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(passed), CONFIG);
});

test("Python has its own words for true, false and nothing", () => {
  const text = pythonText(CONFIG);
  assert.match(text, /"bias": True/);
  assert.match(text, /"skips": False/);
  assert.match(text, /"radius": None/);
  assert.match(text, /"tags": \[\]/);
});
