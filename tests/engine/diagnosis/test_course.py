"""The course of a training counts what its docstring says."""

import numpy as np
import pytest

from engine.arrays import Array
from engine.diagnosis import Course


def series(
    norms: Array, *, losses: Array | None = None, clips: Array | None = None
) -> dict[str, Array]:
    count = len(norms)
    return {
        "gradient_norm": norms,
        "loss": np.ones(count) if losses is None else losses,
        "clip_factor": np.ones(count) if clips is None else clips,
    }


def test_a_norm_over_a_hundred_times_its_running_median_is_a_spike(
    rng: np.random.Generator,
) -> None:
    norms = rng.normal(scale=0.1, size=400)
    norms[[50, 250, 300]] += 2.5
    course = Course()
    course.add(series(norms))
    assert course.spiking_share() == pytest.approx(2 / 200)


@pytest.mark.parametrize("cut", [1, 99, 100, 101, 250])
def test_a_course_is_the_same_in_however_many_pieces_it_comes(
    rng: np.random.Generator, cut: int
) -> None:
    norms = rng.normal(scale=1.0, size=400)
    whole, pieces = Course(), Course()
    whole.add(series(norms))
    pieces.add(series(norms[:cut]))
    pieces.add(series(norms[cut:]))
    assert pieces.spiking_share() == whole.spiking_share() > 0


@pytest.mark.parametrize("unlike", [0.0, np.nan, np.inf, -np.inf])
def test_spikes_are_what_each_step_s_own_median_makes_them(
    rng: np.random.Generator, unlike: float
) -> None:
    norms = np.concatenate([rng.normal(scale=scale, size=60) for scale in (0.1, 2.0, 0.1, 5.0)])
    norms[[20, 90, 130, 200]] = unlike
    course = Course()
    for start in range(0, len(norms), 30):
        course.add(series(norms[start : start + 30]))
    before = [norms[max(0, step - 100) : step] for step in range(len(norms))]
    expected = [
        np.isfinite(each).sum() >= 10 and norm > np.nanmedian(each) + 2
        for each, norm in zip(before, norms, strict=True)
    ]
    assert course.spiking_share() == pytest.approx(np.mean(expected[120:]))
    assert 0 < sum(expected[120:]) < 120


def test_the_median_is_of_the_steps_before_alone() -> None:
    norms = np.concatenate([np.zeros(150), np.full(150, 3.0)])
    course = Course()
    course.add(series(norms))
    # A jump that lasts is a spike until it makes up half of the hundred steps before.
    assert course.spiking_share() == pytest.approx(50 / 150)


def test_a_gradient_of_zero_makes_no_spikes() -> None:
    course = Course()
    course.add(series(np.full(50, -np.inf)))
    assert course.spiking_share() == 0


def test_late_loss_is_that_of_the_last_tenth() -> None:
    losses = np.arange(100.0)
    course = Course()
    course.add(series(np.zeros(100), losses=losses))
    assert course.late_loss() == pytest.approx(np.mean(losses[90:]))


def test_clipped_share_is_that_of_the_last_half() -> None:
    clips = np.ones(10)
    clips[[0, 1, 2, 6, 9]] = 0.5
    course = Course()
    course.add(series(np.zeros(10), clips=clips))
    assert course.clipped_share() == pytest.approx(2 / 5)


def test_the_first_step_without_a_finite_loss_is_named() -> None:
    course = Course()
    course.add(series(np.zeros(3), losses=np.array([1.0, np.inf, np.nan])))
    assert course.first_lost_step() == 1
