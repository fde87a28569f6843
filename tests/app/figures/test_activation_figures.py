"""The figures of activation functions: the catalog's own points, and their powers."""

import numpy as np
import pytest

from app.figures.activation_curves import activations
from app.figures.activation_product import slope_at
from tests.app.figures.test_figures import draw


def test_every_activation_has_its_two_curves() -> None:
    drawn = draw("activation_curves")
    by_name = {trace.name: trace for trace in drawn.data}
    for entry in activations():
        name = str(entry["name"]).replace("_", " ")
        np.testing.assert_array_equal(by_name[f"{name} φ"].y, entry["curve"]["value"])
        np.testing.assert_array_equal(by_name[f"{name} φ′"].y, entry["curve"]["slope"])


@pytest.mark.parametrize(("name", "at", "slope"), [("sigmoid", 0.0, 0.25), ("relu", -0.1, 0.0)])
def test_the_slope_at_a_point_is_exact(name: str, at: float, slope: float) -> None:
    entry = next(entry for entry in activations() if entry["name"] == name)
    assert slope_at(entry, at) == slope


def test_the_product_is_the_slope_to_the_power_of_the_steps() -> None:
    drawn = draw("activation_product", length=50, at=0.0)
    line = next(trace for trace in drawn.data if trace.name == "sigmoid")
    np.testing.assert_allclose(line.y, np.arange(51) * np.log10(0.25))
    assert drawn.layout.meta["products"]["sigmoid"] == pytest.approx(50 * np.log10(0.25))


def test_a_slope_of_zero_leaves_exactly_nothing_and_says_so() -> None:
    drawn = draw("activation_product", length=5, at=-1.0)
    line = next(trace for trace in drawn.data if trace.name.startswith("relu"))
    assert line.name == "relu (exactly 0)"
    assert drawn.layout.meta["products"]["relu"] == "-Infinity"
    assert line.mode == "markers", "no line leads down to what no log scale holds"
    assert list(line.x) == [1, 2, 3, 4, 5]
    assert set(line.y) == {drawn.layout.yaxis.range[0]}
    assert "exactly 0" in line.hovertemplate


def test_the_scale_is_the_same_for_every_choice() -> None:
    ranges = {
        tuple(draw("activation_product", length=n, at=a).layout.yaxis.range)
        for n, a in ((1, 0.0), (200, 4.0))
    }
    assert len(ranges) == 1
