import assert from "node:assert/strict";
import { test } from "node:test";
import { keyCaps } from "../../../static/js/shell/dialog.js";
import { belongsTo, keyName, named, shortcut, shortcuts } from "../../../static/js/shell/keyboard.js";
import { liveText } from "../../../static/js/shell/live_pill.js";
import { nextTheme } from "../../../static/js/shell/theme.js";
import { errorText } from "../../../static/js/shell/toasts.js";
import { ApiError } from "../../../static/js/wire/api.js";

for (const [system, other] of [
  ["light", "dark"],
  ["dark", "light"],
]) {
  test(`on a ${system} system the first turn of the theme is to ${other}, the last back to auto`, () => {
    assert.deepEqual(["auto", other, system].map((theme) => nextTheme(theme, system)), [other, system, "auto"]);
  });
}

for (const [event, name] of [
  [{ key: " " }, "Space"],
  [{ key: "N", shiftKey: true }, "n"],
  [{ key: "?", shiftKey: true }, "?"],
  [{ key: "ArrowLeft", shiftKey: true }, "Shift+ArrowLeft"],
  [{ key: "Home" }, "Home"],
]) {
  test(`a key is called ${name}`, () => assert.equal(keyName(event), name));
}

const element = (tagName, type) => ({ tagName, type, isContentEditable: false });
for (const [target, key, belongs] of [
  [element("INPUT", "text"), "n", true],
  [element("INPUT", "search"), "Space", true],
  [element("TEXTAREA"), "t", true],
  [element("SELECT"), "l", true],
  [element("INPUT", "checkbox"), "n", false],
  [element("INPUT", "checkbox"), "Space", true],
  [element("INPUT", "range"), "ArrowLeft", true],
  [element("INPUT", "range"), "l", false],
  [element("BUTTON"), "Space", true],
  [element("BUTTON"), "ArrowLeft", false],
  [element("DIV"), "Space", false],
  [null, "n", false],
]) {
  test(`${key} on ${target?.tagName} ${target?.type ?? ""} ${belongs ? "is its own" : "is a shortcut"}`, () => {
    assert.equal(belongsTo(target, key), belongs);
  });
}

test("a shortcut with two keys is one line of the help", () => {
  shortcut(["ArrowLeft", "Shift+ArrowLeft"], "Back", () => {});
  assert.deepEqual(shortcuts().at(-1), { keys: ["ArrowLeft", "Shift+ArrowLeft"], title: "Back", group: "This page" });
});

test("keys that a part hears itself are named and do nothing elsewhere", () => {
  named(["Enter"], "Open the cell", "In a heatmap");
  assert.deepEqual(shortcuts().at(-1), { keys: ["Enter"], title: "Open the cell", group: "In a heatmap" });
});

test("keys are drawn as their caps say", () => {
  assert.deepEqual(keyCaps("Shift+ArrowLeft"), ["Shift", "←"]);
  assert.deepEqual(keyCaps("n"), ["N"]);
});

test("the pill says what is", () => {
  assert.equal(liveText("live"), "Live");
  assert.equal(liveText("stale", "last data 12 s ago"), "Reconnecting · last data 12 s ago");
});

test("a refusal is said in the service's words", () => {
  const error = new ApiError(409, { title: "Wrong state", detail: "the run is over" });
  assert.equal(errorText(error), "Wrong state: the run is over");
  assert.equal(errorText(new TypeError("Failed to fetch")), "Failed to fetch");
});
