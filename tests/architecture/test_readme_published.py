"""The README's table of published behaviour is the output of the command, and holds."""

import json

import pytest

from benchmarks.published import EXPERIMENTS, RESULTS, SEEDS, Experiment, table
from tests.architecture.tree import ROOT

FIGURES = json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_readme_shows_the_kept_figures() -> None:
    assert table(FIGURES) in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_the_kept_figures_are_as_they_should_be(experiment: Experiment) -> None:
    figures = FIGURES[experiment.name]
    assert len(figures) == len(SEEDS)
    assert all(experiment.holds(figure) for figure in figures)
