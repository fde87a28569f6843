"""Verdicts say what the row of the last loss says, and nothing where it says nothing."""

from collections.abc import Mapping

import numpy as np
import pytest

from engine import Frame, RunConfig, Verdict, diagnose
from engine.arrays import Array

T = 40


@pytest.fixture
def config() -> RunConfig:
    return RunConfig.from_dict(
        {"task": {"kind": "adding", "length": T}, "model": {"cell": "elman", "layers": 2}}
    )


def frame_with(top: Array, *, step: int = 50) -> Frame:
    rows = np.stack([np.full(T, -5.0), top]).astype(np.float32)
    arrays: Mapping[str, Array] = {"last_loss_gradient": rows}
    return Frame(step=step, arrays=arrays, series={}, series_start=step)


def falling(rho: float) -> Array:
    row: Array = np.log10(rho) * np.arange(T - 1, -1, -1.0)
    return row


@pytest.mark.parametrize(
    ("rho", "word"),
    [(0.5, "vanishing"), (0.9, "fading"), (1.0, "healthy"), (1.1, "growing"), (2.0, "exploding")],
)
def test_word_is_that_of_the_top_layer_s_span(config: RunConfig, rho: float, word: str) -> None:
    verdict = diagnose(frame_with(falling(rho)), config)
    assert verdict.word == word
    assert verdict.decay == pytest.approx(rho, rel=1e-6)  # the row is float32
    assert verdict.log10_span == pytest.approx((T - 1) * np.log10(rho), rel=1e-6, abs=1e-6)


def test_reach_stands_beside_the_lag_that_the_task_needs(config: RunConfig) -> None:
    verdict = diagnose(frame_with(falling(0.5)), config)
    assert verdict.reach == 6
    assert verdict.needed_lag is not None
    assert f"the last {verdict.reach} of 39 steps back" in verdict.sentence
    assert f"the task needs {verdict.needed_lag}" in verdict.sentence


def test_later_times_than_the_last_asked_are_not_looked_at() -> None:
    config = RunConfig.from_dict(
        {"task": {"kind": "copy", "length": T, "ask": "recall"}, "model": {"cell": "elman"}}
    )
    assert diagnose(frame_with(falling(0.5)), config).log10_span == pytest.approx(
        (T - 1) * np.log10(0.5), rel=1e-6
    )


def test_a_gradient_that_starts_from_nothing_is_undefined(config: RunConfig) -> None:
    verdict = diagnose(frame_with(np.full(T, -np.inf)), config)
    assert (verdict.word, verdict.span, verdict.reach) == ("undefined", None, None)


def test_a_gradient_of_which_nothing_arrives_is_vanishing(config: RunConfig) -> None:
    row = np.full(T, -np.inf)
    row[-1] = 0.0
    verdict = diagnose(frame_with(row), config)
    assert (verdict.word, verdict.span, verdict.reach) == ("vanishing", 0.0, 0)
    assert "None of the 39 steps back receives" in verdict.sentence


@pytest.mark.parametrize(
    ("steps_back", "words"),
    [
        (1, "Only the last of 39 steps back receives"),
        (2, "Only the last 2 of 39 steps back receive "),
    ],
)
def test_one_step_that_hears_is_told_in_the_singular(
    steps_back: int, words: str, config: RunConfig
) -> None:
    row = np.full(T, -9.0)
    row[-1 - steps_back :] = 0.0
    assert diagnose(frame_with(row), config).sentence.startswith(words)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(config: RunConfig, value: float) -> None:
    row = falling(0.9)
    row[3] = value
    verdict = diagnose(frame_with(row, step=70), config)
    assert (verdict.word, verdict.step, verdict.span) == ("not finite", 70, None)


def test_figures_of_the_last_finite_frame_stand_beside_not_finite(config: RunConfig) -> None:
    broken = frame_with(np.full(T, np.nan), step=100)
    before = diagnose(frame_with(falling(0.9)), config)
    verdict = diagnose(broken, config, earlier=before)
    again = diagnose(frame_with(np.full(T, np.nan), step=101), config, earlier=verdict)
    assert (verdict.word, verdict.step, verdict.span) == ("not finite", 50, before.span)
    assert (again.word, again.step, again.span) == ("not finite", 50, before.span)
    assert again.sentence.count(before.sentence) == 1
    assert again.sentence.startswith("At step 101 ")


def test_a_dictionary_of_a_verdict_holds_every_field(config: RunConfig) -> None:
    verdict = diagnose(frame_with(falling(0.9)), config)
    assert Verdict.from_dict(verdict.to_dict()) == verdict


def test_spans_beyond_float64_are_written_out(config: RunConfig) -> None:
    verdict = diagnose(frame_with(falling(1e30)), config)
    assert "1e1170 times as large" in verdict.sentence


def test_a_gradient_that_dips_and_comes_back_is_not_said_to_end(config: RunConfig) -> None:
    row = np.zeros(T)
    row[10:25] = -2.5
    row[:10] = -0.7
    verdict = diagnose(frame_with(row), config)
    assert verdict.word == "healthy"
    assert verdict.sentence == (
        "The last loss's gradient dips under 1 % 15 steps back, yet 20 % of it arrives 39 steps "
        "back."
    )
