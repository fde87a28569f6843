import assert from "node:assert/strict";
import { test } from "node:test";
import { panelIn, showNamed } from "../../../static/js/pages/run_jump.js";

const panelOf = (name, hidden = false) => {
  const did = [];
  const section = { closest: () => (hidden ? {} : null), scrollIntoView: () => did.push("seen") };
  return { name, section, plot: { focus: () => did.push("focused") }, did };
};

for (const [hash, name] of [["#panel-decay", "decay"], ["", ""], ["#main", ""], ["#panel-", ""]]) {
  test(`"${hash}" names "${name}"`, () => assert.equal(panelIn(hash), name));
}

test("the panel that the address names is seen and has the focus, no other", () => {
  const [decay, loss] = [panelOf("decay"), panelOf("loss")];
  showNamed([decay, loss], { hash: "#panel-loss" });
  assert.deepEqual([decay.did, loss.did], [[], ["seen", "focused"]]);
});

test("a panel on a tab that is not shown is left alone", () => {
  const one = panelOf("loss", true);
  showNamed([one], { hash: "#panel-loss" });
  assert.deepEqual(one.did, []);
});
