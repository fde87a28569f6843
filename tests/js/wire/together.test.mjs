import assert from "node:assert/strict";
import { test } from "node:test";
import { together } from "../../../static/js/wire/together.js";

const family = "/runs/r/figures";

/** A service that answers each figure with its address, and what it was asked. */
function service(refused = []) {
  const asked = [];
  const fetchBody = async (url) => {
    asked.push(url);
    const { pathname, searchParams } = new URL(url, "http://here");
    const names = searchParams.getAll("name");
    if (names.some((name) => refused.includes(name)) || refused.includes(pathname.split("/").pop())) return { ok: false, status: 404, body: {} };
    return { ok: true, status: 200, body: names.length ? Object.fromEntries(names.map((name) => [name, `${name}!`])) : `${pathname.split("/").pop()}!` };
  };
  return { asked, ask: together(fetchBody) };
}

test("figures of one turn come in one answer, each to who asked for it", async () => {
  const { asked, ask } = service();
  const query = { layer: "1", step: null };
  const found = await Promise.all(["a", "b", "c"].map((name) => ask({ family, name, query })));
  assert.deepEqual(found.map((one) => one.body), ["a!", "b!", "c!"]);
  assert.deepEqual(asked, ["/api/v1/runs/r/figures?layer=1&name=a&name=b&name=c"]);
});

test("what one of them alone is asked for goes along", async () => {
  const { asked, ask } = service();
  await Promise.all([ask({ family, name: "a", query: { step: 4, losses: "last" } }), ask({ family, name: "b", query: { step: 4, gate: "i" } })]);
  assert.deepEqual(asked, ["/api/v1/runs/r/figures?step=4&losses=last&gate=i&name=a&name=b"]);
});

test("another step, layer or run is another answer, and one alone has its own address", async () => {
  const { asked, ask } = service();
  await Promise.all([
    ask({ family, name: "a", query: { step: 4 } }),
    ask({ family, name: "b", query: { step: 6 } }),
    ask({ family, name: "c", query: { step: 4, layer: "1" } }),
    ask({ family: "/runs/s/figures", name: "d", query: { step: 4 } }),
  ]);
  assert.deepEqual(asked, [
    "/api/v1/runs/r/figures/a?step=4",
    "/api/v1/runs/r/figures/b?step=6",
    "/api/v1/runs/r/figures/c?step=4&layer=1",
    "/api/v1/runs/s/figures/d?step=4",
  ]);
});

test("one that is refused does not take the others with it", async () => {
  const { ask } = service(["b"]);
  const found = await Promise.all(["a", "b"].map((name) => ask({ family, name, query: {} })));
  assert.deepEqual(found.map(({ ok, status, body }) => [ok, status, ok && body]), [[true, 200, "a!"], [false, 404, false]]);
});

test("where the service is away each of them hears so", async () => {
  const ask = together(async () => { throw new Error("away"); });
  const found = await Promise.allSettled(["a", "b"].map((name) => ask({ family, name, query: {} })));
  assert.deepEqual(found.map(({ reason }) => reason.message), ["away", "away"]);
});

test("a service that is busy is not asked for each of them again", async () => {
  const asked = [];
  const ask = together(async (url) => (asked.push(url), { ok: false, status: 503, body: { title: "busy" } }));
  const found = await Promise.all(["a", "b"].map((name) => ask({ family, name, query: {} })));
  assert.deepEqual(found.map(({ ok, status, body }) => [ok, status, body.title]), Array(2).fill([false, 503, "busy"]));
  assert.equal(asked.length, 1);
});
