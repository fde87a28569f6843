"""log10 of norms and of their means, from squares with exponents of every kind."""

from typing import NamedTuple

import numpy as np
import pytest

from engine import compiled
from engine.arrays import Array, IntArray
from engine.bptt.exponents import NONE
from engine.bptt.hidden_norms import HiddenNorms
from tests.engine.compiled.conftest import Both

SHIFT = 1.25
ROUNDING = {"float32": 2e-7, "float64": 1e-14}


class Swept(NamedTuple):
    """What a layer's sweep has left."""

    squares: Array
    exponents: IntArray

    def squared_norms(self) -> tuple[Array, IntArray]:
        """Return it."""
        return self.squares, self.exponents

    def run(self, *arguments: object) -> None:
        """Leave it as it is."""


@pytest.fixture(params=sorted(ROUNDING))
def layer(request: pytest.FixtureRequest) -> Swept:
    rng = np.random.default_rng(11)
    squares = rng.uniform(0.1, 4, (9, 30)).astype(request.param)
    exponents = rng.integers(-3000, 3000, (9, 30)).astype(np.int32)
    exponents[0] = -40
    squares[1:3, 5:], squares[3], exponents[3] = 0, 0, NONE
    squares[4, :3], squares[5, 0], squares[6, 0] = 0, np.nan, np.inf
    exponents[5:7] = 7
    return Swept(squares, exponents)


def norms_of(*layers: Swept, backwards: list[bool]) -> tuple[Array, Array]:
    norms = HiddenNorms(layers, backwards, SHIFT, compiled.norm_loops())
    return norms.each, norms.means


def test_both_backends_find_the_same_norms(layer: Swept, both: Both) -> None:
    plain, found = both(lambda: norms_of(layer, backwards=[False]))
    close = ROUNDING[layer.squares.dtype.name]
    for mine, theirs in zip(found, plain, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=close, equal_nan=True)


def test_norms_are_those_of_the_definition(layer: Swept, both: Both) -> None:
    squares, exponents = layer
    for each, means in both(lambda: norms_of(layer, backwards=[False])):
        norm = np.sqrt(squares[0].astype(np.float64)) * 2.0 ** exponents[0]
        np.testing.assert_allclose(each[0, 0], np.log10(norm) + SHIFT, rtol=1e-14)
        np.testing.assert_allclose(means[0, 0], np.log10(norm.mean()) + SHIFT, rtol=1e-7)
        assert np.isneginf(each[0, 3]).all()
        assert np.isneginf(each[0, 1, 5:]).all()
        assert np.isnan(each[0, 5, 0])
        assert np.isposinf(each[0, 6, 0])
        np.testing.assert_array_equal(means[0, [3, 5, 6]], [-np.inf, np.nan, np.inf])


def test_a_layer_that_reads_backwards_is_turned_round(layer: Swept, both: Both) -> None:
    for found in both(lambda: norms_of(layer, layer, backwards=[False, True])):
        for rows in found:
            np.testing.assert_array_equal(rows[1], rows[0, ::-1])
