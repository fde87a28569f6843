"""Figures larger than a screen: pooled, and said to be."""

import numpy as np
import pytest

from app.figures import FIGURES, FigureOptions
from app.figures.pooling import CELLS
from tests.app.figures.make_runs import linear_run


@pytest.mark.parametrize(
    "name",
    ["hidden_gradient_norm", "hidden_gradient", "loss_state_gradient", "activation_comparison"],
)
def test_a_long_sequence_is_pooled_and_says_so(name: str) -> None:
    run = linear_run([0.99], length=1100, units=2)
    drawn = FIGURES[name].draw([run], FigureOptions())
    z = np.asarray(drawn.data[0].z)
    assert max(z.shape if name != "loss_state_gradient" else z.shape[1:]) <= CELLS
    assert "largest of 3" in drawn.json().decode()


def test_the_future_of_a_pooled_row_stays_blank() -> None:
    run = linear_run([0.99], length=1100, units=2)
    drawn = FIGURES["loss_state_gradient"].draw([run], FigureOptions())
    heatmap = drawn.data[0]
    future = np.asarray(heatmap.x)[np.newaxis, :] > np.asarray(heatmap.y)[:, np.newaxis]
    np.testing.assert_array_equal(np.isnan(np.asarray(heatmap.z)), future)
