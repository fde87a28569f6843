"""Ratio, limits, kinds and outlines, and the vectors that the page's own copy is held to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.figures import scale
from app.figures.base import Mode
from app.figures.hidden_gradient import mean_of_logs
from app.figures.hidden_gradient_norm import reach
from app.figures.palette import CIVIDIS, VIK, colorscale
from app.figures.pooling import pool, thin

VECTORS = json.loads((Path(__file__).parents[2] / "js/vectors/scale.json").read_text())
WORDS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def numbers(found: Any) -> np.ndarray:  # noqa: ANN401  # whatever JSON holds
    """The vectors' words for what JSON lacks, as numbers."""
    if isinstance(found, list):
        return np.array([numbers(item) for item in found], dtype=np.float64)
    return np.asarray(WORDS[found] if isinstance(found, str) else found, dtype=np.float64)


@pytest.mark.parametrize("vector", VECTORS["ratio"], ids=lambda v: v["what"])
def test_ratio_of_the_shared_vectors(vector: dict[str, Any]) -> None:
    found = scale.ratio(numbers(vector["log10"]), numbers(vector["reference"]))
    np.testing.assert_array_equal(
        found.astype(np.float32), numbers(vector["is"]).astype(np.float32)
    )


@pytest.mark.parametrize("vector", VECTORS["kinds"], ids=lambda v: v["what"])
def test_kinds_of_the_shared_vectors(vector: dict[str, Any]) -> None:
    floor = None if vector["floor"] is None else numbers(vector["floor"])
    undefined = np.array(vector["undefined"], dtype=bool)
    found = scale.kinds(numbers(vector["log10"]), floor=floor, undefined=undefined)
    assert found.tolist() == vector["is"]


@pytest.mark.parametrize("vector", VECTORS["clamp"], ids=lambda v: v["what"])
def test_clamp_of_the_shared_vectors(vector: dict[str, Any]) -> None:
    low, high = vector["limits"]
    np.testing.assert_array_equal(
        scale.clamp(numbers(vector["log10"]), low, high), numbers(vector["is"])
    )


@pytest.mark.parametrize("vector", VECTORS["limits"], ids=lambda v: f"{v['mode']}-{v['range']}")
def test_limits_of_the_shared_vectors(vector: dict[str, Any]) -> None:
    assert list(scale.limits(vector["mode"], vector["range"])) == vector["is"]


@pytest.mark.parametrize(("mode", "anchors"), [("ratio", VIK), ("magnitude", CIVIDIS)])
def test_the_page_has_the_same_colours(mode: Mode, anchors: tuple[str, ...]) -> None:
    assert tuple(VECTORS["anchors"][mode]) == anchors
    assert [stop[1] for stop in colorscale(mode)] == list(anchors)


def test_the_middle_of_the_ratio_map_is_where_a_ratio_is_one() -> None:
    low, high = scale.limits("ratio", 8)
    middle = next(color for share, color in colorscale("ratio") if share == 0.5)
    assert (low + high, middle) == (0, "#ece5e0")


def test_rectangles_cover_a_mask_exactly_once(rng: np.random.Generator) -> None:
    mask = rng.random((17, 23)) < 0.4
    covered = np.zeros(mask.shape, dtype=int)
    for left, right, low, high in scale.rectangles(mask):
        covered[low:high, left:right] += 1
    np.testing.assert_array_equal(covered, mask.astype(int))


def test_a_diverged_block_is_one_rectangle() -> None:
    mask = np.zeros((100, 8), dtype=bool)
    mask[:, 5:] = True
    assert scale.rectangles(mask) == [(5, 8, 0, 100)]


def test_an_empty_mask_has_no_outline() -> None:
    xs, ys = scale.outline(
        scale.rectangles(np.zeros((3, 3), dtype=bool)), np.arange(4.0), np.arange(4.0)
    )
    assert (xs.size, ys.size) == (0, 0)


def test_edges_lie_midway_between_uneven_centres() -> None:
    assert scale.edges([0, 10, 14]).tolist() == [-5, 5, 12, 16]


def test_reach_counts_the_steps_that_keep_one_percent() -> None:
    rows = np.array([[-3.0, -2.5, -1.9, -1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert reach(rows, np.arange(1.0, 6.0), 5).tolist() == [2, 4]


def test_reach_stops_at_the_first_gap_even_if_the_gradient_returns() -> None:
    rows = np.array([[0.0, 0.0, -np.inf, -1.0, 0.0]])
    assert reach(rows, np.arange(1.0, 6.0), 5).tolist() == [1]


def test_reach_of_a_gradient_that_is_not_finite_is_not_a_number() -> None:
    assert np.isnan(reach(np.array([[0.0, np.nan]]), np.arange(1.0, 3.0), 2)).all()


def test_pooling_keeps_the_largest_and_lets_nan_win() -> None:
    values = np.array([1.0, 5.0, 2.0, np.nan, -np.inf, -3.0])
    pooled, centres, block = pool(values, np.arange(6), 0, most=3)
    assert (pooled[0], np.isnan(pooled[1]), pooled[2], block) == (5.0, True, -3.0, 2)
    assert centres.tolist() == [0.5, 2.5, 4.5]


def test_thinning_keeps_the_spike_and_the_break() -> None:
    ys = np.ones(10_000)
    ys[4321], ys[7000] = 99.0, np.nan
    xs, thinned = thin(np.arange(10_000), ys)
    assert (xs.size < 1100, thinned.max(initial=0, where=~np.isnan(thinned))) == (True, 99.0)
    assert xs[np.isnan(thinned)].tolist() == [7000]


def test_mean_of_logs_is_the_log_of_the_mean_below_what_floats_hold() -> None:
    assert mean_of_logs(np.array([-400.0, -400.0, -np.inf, -np.inf])) == pytest.approx(-400.30103)
