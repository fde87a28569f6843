"""A loss that explodes for a few steps does not flatten the picture of all others."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.figures import FIGURES, FigureOptions, RunData, beyond
from app.figures.layout import amount, apart, round_ticks
from app.figures.picture import Picture
from tests.app.figures.make_runs import Recorded, linear_run

STEPS = np.arange(200.0)
SPIKES = {60: 1e9, 61: 2.5e4}


def losses(spikes: dict[int, float]) -> np.ndarray:
    values = 0.3 * np.exp(-STEPS / 100)
    for step, value in spikes.items():
        values[step] = value
    return values


def run_with(values: np.ndarray) -> RunData:
    run = linear_run([0.5, 0.9], every=100)
    loss = Recorded(
        name="loss", axes=("step",), coords={"step": tuple(range(values.size))}, values=values
    )
    return replace(run, slices={**run.slices, "loss": loss})


def drawn(name: str, values: np.ndarray) -> Picture:
    return FIGURES[name].draw([run_with(values)], FigureOptions())


def marks_of(figure: Picture) -> list[Any]:
    return [trace for trace in figure.data if trace.meta["role"] == "beyond"]


def axis_of(name: str, figure: Picture) -> Any:  # noqa: ANN401  # Plotly's own
    return figure.layout.yaxis if name == "loss" else figure.layout.yaxis2


@pytest.mark.parametrize("name", ["loss", "hidden_gradient_norm"])
def test_the_axis_ends_near_the_ordinary_losses_and_says_what_lies_beyond(name: str) -> None:
    figure = drawn(name, losses(SPIKES))
    end = beyond.end_of_axis(losses(SPIKES))
    assert end is not None
    assert 1 < end < 100
    assert 10 ** axis_of(name, figure).range[1] == pytest.approx(end, rel=0.3)
    (marks,) = marks_of(figure)
    assert list(marks.x) == [60, 61]
    assert list(marks.text) == ["1e+09", "2.5e+04"]
    np.testing.assert_allclose(np.asarray(marks.y), end, rtol=0.02)
    words = [note.text for note in figure.layout.annotations if note.name == "label-beyond"]
    assert words == ["▲ 2 steps beyond, up to 10<sup>9</sup>"]


@pytest.mark.parametrize("name", ["loss", "hidden_gradient_norm"])
def test_the_line_keeps_the_numbers_that_lie_beyond(name: str) -> None:
    line = next(t for t in drawn(name, losses(SPIKES)).data if t.meta["role"] == "loss")
    assert np.nanmax(np.asarray(line.y)) == 1e9


@pytest.mark.parametrize(
    "values",
    [losses({}), losses({60: 10.0}), np.array([1.0, 1e9, np.nan]), 10.0 ** np.linspace(9, -3, 200)],
    ids=["quiet", "a decade", "three steps", "falling from 1e9"],
)
def test_what_an_axis_can_hold_is_held(values: np.ndarray) -> None:
    assert beyond.end_of_axis(values) is None
    assert marks_of(drawn("loss", values)) == []


def test_of_many_explosions_the_largest_are_marked() -> None:
    values = np.full(4000, 0.1)
    values[::25] = 1e5
    values[500] = 1e8
    marks = beyond.marks(np.arange(4000.0), values, 10.0)
    assert len(marks["x"]) == beyond.MOST_MARKS
    assert 500 in marks["x"]


@pytest.mark.parametrize(
    ("value", "text"), [(5e7, "5·10<sup>7</sup>"), (1e9, "10<sup>9</sup>"), (0.25, "0.25")]
)
def test_an_amount_is_said_as_a_number_times_a_power_of_ten(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(("low", "high"), [(0.25, 4.0), (0.05, 1.2), (1e-6, 1e3)])
def test_ticks_that_would_touch_are_left_out(low: float, high: float) -> None:
    decades = np.log10(high / low)
    kept = apart(round_ticks(low, high), 0.42 * decades)["tickvals"]
    assert len(kept) >= 1
    assert all(np.log10(b / a) >= 0.42 * decades for a, b in itertools.pairwise(kept))
