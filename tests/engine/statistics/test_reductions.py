"""Means that are formed on logarithms equal the means of what they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.reductions import log10_mean

EVERY_LOG = st.one_of(st.floats(-320, 320), st.sampled_from([-np.inf, np.inf, np.nan]))
FAR_LOG = st.floats(-1e6, 1e6)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20))
def test_mean_of_representable_magnitudes_is_the_plain_one(logs: list[float]) -> None:
    expected = np.log10(np.mean(10.0 ** np.array(logs)))
    assert log10_mean(np.array(logs)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(FAR_LOG, min_size=1, max_size=20), st.floats(-1e5, 1e5))
def test_a_common_factor_passes_through(logs: list[float], shift: float) -> None:
    values = np.array(logs)
    moved = log10_mean(values + shift)
    # Values of 1e6 carry an absolute rounding of 1e-10 each.
    assert moved == pytest.approx(log10_mean(values) + shift, abs=1e-8)


@given(st.lists(FAR_LOG, min_size=1, max_size=20))
def test_mean_lies_between_the_largest_and_its_share(logs: list[float]) -> None:
    mean = log10_mean(np.array(logs))
    assert max(logs) - np.log10(len(logs)) - 1e-9 <= mean <= max(logs) + 1e-9


@given(st.lists(EVERY_LOG, min_size=1, max_size=8))
def test_not_a_number_and_infinity_are_kept(logs: list[float]) -> None:
    mean = log10_mean(np.array(logs))
    assert np.isnan(mean) == any(np.isnan(logs))
    if not np.isnan(mean):
        assert np.isposinf(mean) == (np.inf in logs)
        assert np.isneginf(mean) == all(log == -np.inf for log in logs)


@given(FAR_LOG, st.integers(1, 9))
def test_zeros_count_as_samples(log: float, zeros: int) -> None:
    mean = log10_mean(np.array([log, *[-np.inf] * zeros]))
    assert mean == pytest.approx(log - np.log10(1 + zeros), abs=1e-9)


def test_mean_is_taken_over_the_last_axis() -> None:
    magnitudes = np.arange(24.0).reshape(2, 3, 4)
    magnitudes[1, 1] = 0  # a row of zeros alone between others
    with np.errstate(divide="ignore"):
        logs, expected = np.log10(magnitudes), np.log10(magnitudes.mean(axis=2))
    assert np.isneginf(expected[1, 1])
    np.testing.assert_allclose(log10_mean(logs), expected, rtol=1e-14)


def test_float32_logs_are_averaged_in_float64() -> None:
    assert log10_mean(np.full(3, -45.0, np.float32)) == -45.0
