import assert from "node:assert/strict";
import { test } from "node:test";
import { replaceParts } from "../../../static/js/pages/page_parts.js";

globalThis.document = { importNode: (node) => node };

/** A part of a page, as much of it as is asked: its name, what is in it, whether a menu is open. */
function part(name, text, { open = false } = {}) {
  return {
    dataset: { part: name },
    childNodes: [text],
    isEqualNode(other) {
      return other.childNodes[0] === this.childNodes[0];
    },
    querySelector: () => (open ? {} : null),
    replaceChildren(...nodes) {
      this.childNodes = nodes;
      this.replaced = true;
    },
  };
}
const pageOf = (...parts) => ({
  querySelectorAll: () => parts,
  querySelector: (wanted) => parts.find((one) => wanted === `[data-part="${one.dataset.part}"]`) ?? null,
});

test("a part takes what the newer page says in its place", () => {
  const mine = part("progress", "1 of 4");
  replaceParts(pageOf(part("progress", "2 of 4")), pageOf(mine));
  assert.deepEqual(mine.childNodes, ["2 of 4"]);
});

test("what is alike, gone, or held open by the reader stays as it is", () => {
  const alike = part("a", "same");
  const gone = part("b", "here");
  const open = part("c", "old", { open: true });
  replaceParts(pageOf(part("a", "same"), part("c", "new")), pageOf(alike, gone, open));
  assert.deepEqual([alike.replaced, gone.replaced, open.replaced], [undefined, undefined, undefined]);
});
