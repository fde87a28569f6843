"""The map over the training of the last loss alone: the statistic's own numbers, cell by cell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.figures import FIGURES, FigureOptions, RunData
from app.figures.picture import Picture
from tests.app.figures.make_runs import linear_run, with_slice

LENGTH, TAU = 12, 9


def many_losses(run: RunData | None = None, last: int = LENGTH) -> RunData:
    """A run of a task that asks at every time step up to the last one."""
    known = run or linear_run([0.5, 0.9, 1.2], length=LENGTH)
    falling = np.log10(0.7) * np.abs(last - np.arange(1, LENGTH + 1))[None, None, :]
    values = np.repeat(falling, 3, axis=0) + np.arange(3)[:, None, None]
    if last < LENGTH:
        values[..., last:] = np.nan
    facts = {**known.facts, "asked": last, "last_asked": last}
    return replace(with_slice(known, "last_loss_gradient", values.astype("f4")), facts=facts)


def draw(run: RunData, **options: Any) -> Picture:  # noqa: ANN401
    return FIGURES["hidden_gradient_norm"].draw([run], FigureOptions(**options))


def drawn_z(figure: Picture) -> np.ndarray:
    heatmap = next(trace for trace in figure.data if trace.type == "heatmap")
    return np.asarray(heatmap.z, dtype=np.float32)


def recorded(run: RunData, name: str) -> np.ndarray:
    return np.asarray(run.slices[name].values, dtype=np.float32)[:, 0].T


@pytest.mark.parametrize(
    ("losses", "statistic"), [("last", "last_loss_gradient"), ("all", "hidden_gradient_norm")]
)
def test_each_map_is_its_statistic(losses: str, statistic: str) -> None:
    run = many_losses()
    np.testing.assert_array_equal(drawn_z(draw(run, losses=losses)), recorded(run, statistic))


def test_a_ratio_is_taken_to_the_last_time_asked() -> None:
    run = many_losses()
    values = recorded(run, "last_loss_gradient")
    shown = drawn_z(draw(run, losses="last", mode="ratio"))
    np.testing.assert_allclose(shown, values - values[-1:], atol=1e-6)


def test_what_comes_after_the_last_time_asked_is_blank_and_no_nan() -> None:
    figure = draw(many_losses(last=TAU), losses="last")
    assert np.isnan(drawn_z(figure)[TAU:]).all()
    assert np.isfinite(drawn_z(figure)[:TAU]).all()
    pink = next(trace for trace in figure.data if trace.meta["role"] == "nonfinite")
    assert len(pink.x) == 0
    assert figure.data[0].meta["future"] is True


def test_a_frame_that_is_not_finite_stays_pink() -> None:
    run = many_losses()
    values = np.array(run.slices["last_loss_gradient"].values)
    values[2] = np.nan
    figure = draw(with_slice(run, "last_loss_gradient", values), losses="last")
    pink = next(trace for trace in figure.data if trace.meta["role"] == "nonfinite")
    assert len(pink.x) > 0


def test_a_task_of_one_loss_has_one_map() -> None:
    run = linear_run([0.5, 0.9], asked="last")
    one, other = (draw(run, losses=losses) for losses in ("last", "all"))
    assert one.json() == other.json()


def test_each_map_says_which_losses_it_is_of() -> None:
    run = many_losses()
    titles = [draw(run, losses=losses).layout.title.text for losses in ("last", "all")]
    assert titles == [
        "Gradient norm over training, of the last loss alone",
        "Gradient norm over training, of all losses together",
    ]
