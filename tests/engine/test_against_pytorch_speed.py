"""Training with its norms recorded at every step, beside PyTorch's fused layers without."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.workloads import GATED, Workload

pytest.importorskip("torch")

pytestmark = [pytest.mark.benchmark, pytest.mark.torch]

SHARE = 0.7
"""Fail below this share of the goal: a shared machine is no laboratory."""

ROOT = Path(__file__).parents[2]


@cache
def ratios() -> dict[str, float]:
    # A process of its own: the threads of BLAS are fixed when it is imported.
    with TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        subprocess.run(
            [sys.executable, "-m", "benchmarks", "--rounds", "7", "--json", str(figures)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        lines = json.loads(figures.read_text())["lines"]
    return {line["name"]: line["ratio"] for line in lines}


@pytest.mark.parametrize("workload", [w for w in GATED if w.goal], ids=lambda w: w.name)
def test_recorded_training_keeps_its_lead_over_the_fused_layer(workload: Workload) -> None:
    assert workload.goal is not None
    assert ratios()[workload.name] >= SHARE * workload.goal
