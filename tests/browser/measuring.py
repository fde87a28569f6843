"""How goals are measured: printed beside their figure, and gated by how slow the machine is now."""

import sys

from playwright.sync_api import Page

# A goal is a median on a quiet machine; twice as much fails.
GATE = 2.0
# How long the loop takes on a machine that does nothing else: its processor time, 15.3 to 16.5 ms
# in 60 rounds of the same engine under Node on the machine of the goals.
QUIET_MS = 15.5
LOOP = """() => {
  const spent = [];
  for (let round = 0; round < 9; round += 1) {
    const started = performance.now();
    let sum = 0;
    for (let i = 1; i < 3e6; i += 1) sum += Math.sqrt(i) / i;
    spent.push(performance.now() - started);
    if (sum < 0) throw new Error("never");
  }
  return spent.sort((a, b) => a - b)[4];
}"""


def tell(what: str, value: float, unit: str, goal: float) -> None:
    """Print a figure beside its goal."""
    sys.stdout.write(f"\n{what}: {value:.3g} {unit} (goal {goal:g})\n")


def slowness(page: Page) -> float:
    """How many times as long as on a quiet machine the page's arithmetic takes now."""
    return max(float(page.evaluate(LOOP)) / QUIET_MS, 1.0)
