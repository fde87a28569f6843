"""What the literature says of these networks holds for every seed: the benchmark's claims."""

import pytest

from benchmarks.published import EXPERIMENTS, SEEDS, Experiment

pytestmark = pytest.mark.long


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_a_published_claim_holds(experiment: Experiment, seed: int) -> None:
    figure = experiment.measure(seed)
    words = f"{experiment.claim}: {experiment.measured} {figure:.4g}, not {experiment.expected}"
    assert experiment.holds(figure), words
