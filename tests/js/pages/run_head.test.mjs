import assert from "node:assert/strict";
import { test } from "node:test";
import { isOver } from "../../../static/js/pages/run_head.js";

for (const status of ["succeeded", "diverged", "failed", "cancelled"]) test(`${status} is an end`, () => assert.ok(isOver(status)));
for (const status of ["queued", "running", "paused", "interrupted"]) test(`${status} is none`, () => assert.ok(!isOver(status)));
