import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, apiUrl, getJson, numberOf, post } from "../../../static/js/wire/api.js";

function answering(status, body, record = []) {
  globalThis.fetch = async (url, options) => {
    record.push({ url, ...options });
    return new Response(body, { status });
  };
  return record;
}

test("lists repeat, empty values are left out", () => {
  assert.equal(apiUrl("/figures/x", { run: ["a", "b c"], step: 0, layer: null, mode: undefined }), "/api/v1/figures/x?run=a&run=b+c&step=0");
});

test("an answer is its JSON", async () => {
  answering(200, '{"items": []}');
  assert.deepEqual(await getJson("/runs"), { items: [] });
});

test("an answer without a body is null", async () => {
  globalThis.fetch = async () => new Response(null, { status: 204 });
  assert.equal(await post("/x"), null);
});

test("a body is sent as JSON", async () => {
  const record = answering(202, "{}");
  await post("/runs", { name: "a" });
  assert.deepEqual([record[0].method, record[0].body, record[0].headers["Content-Type"]], ["POST", '{"name":"a"}', "application/json"]);
});

test("a refusal carries the problem's words and pointers", async () => {
  answering(422, JSON.stringify({ title: "Invalid", detail: "steps must be ≥ 0", errors: [{ pointer: "/training/steps" }] }));
  await assert.rejects(post("/runs", {}), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.title, error.detail, error.errors], [422, "Invalid", "steps must be ≥ 0", [{ pointer: "/training/steps" }]]);
    return true;
  });
});

test("a refusal that is no JSON still has its status", async () => {
  answering(502, "<html>bad gateway</html>");
  await assert.rejects(getJson("/runs"), { status: 502 });
});

test("numbers that JSON lacks are read from their words", () => {
  assert.deepEqual([numberOf("Infinity"), numberOf("-Infinity"), numberOf(null), numberOf(2)], [Infinity, -Infinity, null, 2]);
});
