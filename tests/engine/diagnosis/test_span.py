"""Span, decay, reach and word follow from the last loss's row as they are defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diagnosis import Span, measure_span
from engine.diagnosis.words import word_for

FACTORS = st.floats(1e-6, 1e6)


@given(FACTORS, st.integers(1, 200), st.floats(-30, 30))
def test_span_of_a_geometric_decay(factor: float, distance: int, level: float) -> None:
    row = level + np.log10(factor) * np.arange(distance, -1, -1)
    span = measure_span(row)
    assert span is not None
    assert span.log10_span == pytest.approx(distance * np.log10(factor), rel=1e-9, abs=1e-9)
    assert span.decay == pytest.approx(factor, rel=1e-9)


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99])
def test_reach_of_a_geometric_decay_is_where_a_hundredth_is_left(rho: float) -> None:
    span = measure_span(np.log10(rho) * np.arange(2000, -1, -1))
    assert span is not None
    assert span.reach == int(np.log(0.01) / np.log(rho))


def test_a_hundredth_that_float32_rounds_still_counts_as_heard() -> None:
    row = (np.log10(0.1) * np.arange(5, -1, -1) - 0.123456789).astype(np.float32)
    span = measure_span(row)
    assert span is not None
    assert span.reach == 2


def test_reach_ends_at_the_first_silence() -> None:
    span = measure_span(np.array([0.0, 0.0, -5.0, 0.0, 0.0]))
    assert span is not None
    assert (span.reach, span.span) == (1, 1.0)


def test_a_single_time_step_has_span_and_decay_one() -> None:
    assert measure_span(np.array([-7.0])) == Span(log10_span=0.0, span=1.0, decay=1.0, reach=0)


def test_nothing_arriving_is_a_span_of_zero() -> None:
    span = measure_span(np.array([-np.inf, -np.inf, 0.0]))
    assert span == Span(log10_span=-np.inf, span=0.0, decay=0.0, reach=0)


@pytest.mark.parametrize("last", [-np.inf, np.nan, np.inf])
def test_no_figure_is_defined_where_the_gradient_starts_from_nothing(last: float) -> None:
    assert measure_span(np.array([0.0, 0.0, last])) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_figure_is_defined_where_the_row_is_not_finite(value: float) -> None:
    assert measure_span(np.array([0.0, value, 0.0])) is None


def test_a_span_beyond_float64_keeps_its_logarithm() -> None:
    span = measure_span(np.linspace(-20_000.0, 0.0, 10_001))
    assert span is not None
    assert (span.span, span.log10_span) == (0.0, -20_000.0)
    assert span.decay == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("log10_span", "word"),
    [
        (-np.inf, "vanishing"),
        (-3.001, "vanishing"),
        (-3.0, "fading"),
        (-1.0, "fading"),
        (-0.99, "healthy"),
        (0.0, "healthy"),
        (1.0, "healthy"),
        (1.01, "growing"),
        (3.0, "growing"),
        (3.01, "exploding"),
        (400.0, "exploding"),
    ],
)
def test_words_part_at_their_bounds(log10_span: float, word: str) -> None:
    assert word_for(Span(log10_span=log10_span, span=1.0, decay=1.0, reach=0)) == word
