"""Speed beside PyTorch, as the benchmarks measure it: training with recording, and the matrix."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from benchmarks.processes import COMPILED
from benchmarks.workloads import GATED, Workload

pytest.importorskip("torch")

pytestmark = [pytest.mark.benchmark, pytest.mark.torch]

SHARE = 0.7
"""Fail below this share of the goal: a shared machine is no laboratory."""

ROOT = Path(__file__).parents[2]


SLACK = 0.2
"""By how much an exponent of growth may pass its bound, for the same reason."""


@cache
def measured(*arguments: str) -> Any:  # noqa: ANN401  (what a JSON file holds)
    # A process of its own: the threads of BLAS are fixed when it is imported.
    with TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        subprocess.run(
            [sys.executable, "-m", "benchmarks", *arguments, "--json", str(figures)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        return json.loads(figures.read_text())


@pytest.mark.parametrize("workload", [w for w in GATED if w.goal], ids=lambda w: w.name)
def test_recorded_training_keeps_its_lead_over_the_fused_layer(workload: Workload) -> None:
    assert workload.goal is not None
    ratios = {line["name"]: line["ratio"] for line in measured("--rounds", "7")["lines"]}
    assert ratios[workload.name] >= SHARE * workload.goal


@pytest.mark.parametrize("size", ["adding", "copy", "long", "mnist"])
def test_the_loss_state_matrix_keeps_its_lead_over_pytorchs_best(size: str) -> None:
    (row,) = (row for row in measured("matrix")["rows"] if row["size"] == size)
    assert row["ratio"] >= SHARE * row["goal"]


@pytest.mark.parametrize("nth", range(12))
def test_all_cheap_series_cost_little_of_the_step_they_are_taken_of(nth: int) -> None:
    compiled = [row for row in measured("cheap")["rows"] if row["backend"] == COMPILED]
    row = compiled[nth]
    assert row["price"] <= row["bound"] / SHARE


@pytest.mark.parametrize("nth", range(5))
def test_time_grows_no_faster_than_it_has_to(nth: int) -> None:
    row = measured("growth")["rows"][nth]
    assert row["exponent"] <= row["bound"] + SLACK
