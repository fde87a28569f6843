"""What the lessons say of trained networks, held against the trainings themselves."""

import numpy as np
import pytest

import engine
from app.pages.lessons import LESSONS

pytestmark = pytest.mark.long
BASELINE = 1 / 6


def trained(lesson: str) -> list[engine.RunResult]:
    """Train the networks of a lesson, in its order."""
    return [engine.record(engine.RunConfig.from_dict(run)) for run in LESSONS[lesson].runs]


def final_loss(result: engine.RunResult) -> float:
    series = np.concatenate([frame.series["loss"] for frame in result.frames])
    return float(series[-100:].mean())


def first_span(result: engine.RunResult) -> float:
    """log10 of what of the last loss's gradient reaches the first step, before training."""
    row = result.frames[0].arrays["last_loss_gradient"][-1]
    return float(row[0] - row[-1])


def test_clipping_keeps_the_loss_finite_and_no_more() -> None:
    clipped, free = trained("clipping")
    assert free.diverged
    assert not clipped.diverged
    assert final_loss(clipped) > 0.95 * BASELINE


def test_the_largest_learning_rate_alone_diverges() -> None:
    assert [result.diverged for result in trained("learning-rate")] == [False, False, True]


def test_an_open_forget_gate_carries_ten_decades_more_at_the_start() -> None:
    half_open, biased = trained("forget-gate")
    assert first_span(biased) - first_span(half_open) > 10


def test_skips_make_the_decay_several_times_flatter() -> None:
    plain, skipping = trained("skips")
    assert first_span(plain) < 3 * first_span(skipping) < 0


def test_the_lstm_gets_under_the_baseline_and_tanh_does_not() -> None:
    tanh, lstm = trained("lstm-or-tanh")
    assert final_loss(tanh) > 0.95 * BASELINE
    assert final_loss(lstm) < 0.1 * BASELINE
