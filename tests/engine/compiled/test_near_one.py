"""Adjoints are brought near 1 by powers of two alone, and unfelt gradients are left out."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from engine.arrays import Array, IntArray
from engine.bptt.exponents import NONE
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK
from engine.tasks.base import Batch
from tests.engine.compiled.conftest import Both
from tests.engine.compiled.random_networks import random_network

ROWS, HIDDEN, BATCH = 3, 5, 4

UNFELT = -86
"""Exponents in float32 at which a read of 1 is left out of the weights' gradients."""


def rows_of(rng: np.random.Generator) -> tuple[Array, IntArray]:
    adjoints = rng.standard_normal((ROWS, HIDDEN, BATCH)).astype(np.float32)
    adjoints *= np.ldexp(np.float32(1), rng.integers(-40, 40, (ROWS, 1, BATCH)))
    return adjoints, rng.integers(-500, 500, (ROWS, BATCH)).astype(np.int32)


def near_one(adjoints: Array, exponents: IntArray) -> bool:
    """Bring them near 1 in place by the loop, which is there wherever these tests run."""
    from engine.compiled.near_one import bring_near_one

    return bring_near_one(adjoints, 2.0**-100, 2.0**100, int(NONE), exponents, exponents)


def test_rows_come_near_one_and_stay_the_numbers_that_they_were(rng: np.random.Generator) -> None:
    adjoints, exponents = rows_of(rng)
    before = np.ldexp(adjoints.astype(np.float64), exponents[:, None])
    assert near_one(adjoints, exponents)
    np.testing.assert_array_equal(np.ldexp(adjoints.astype(np.float64), exponents[:, None]), before)
    norms = np.linalg.norm(adjoints, axis=1)
    assert norms.min() >= 0.5
    assert norms.max() < 2


def test_what_has_no_exponent_yet_gets_none(rng: np.random.Generator) -> None:
    adjoints, exponents = rows_of(rng)
    adjoints[1, :, 2], exponents[1, 2] = 0, NONE
    assert near_one(adjoints, exponents)
    assert exponents[1, 2] == NONE


@pytest.mark.parametrize("value", [0.0, np.inf, np.nan, 1e-30, 1e30])
def test_rows_whose_squares_cannot_be_trusted_are_left_as_they_are(
    value: float, rng: np.random.Generator
) -> None:
    adjoints, exponents = rows_of(rng)
    adjoints[1, :, 1] = value
    before = adjoints.copy(), exponents.copy()
    first = np.ldexp(adjoints[0].astype(np.float64), exponents[0])
    assert not near_one(adjoints, exponents)
    np.testing.assert_array_equal(adjoints[1:], before[0][1:])
    np.testing.assert_array_equal(exponents[1:], before[1][1:])
    np.testing.assert_array_equal(np.ldexp(adjoints[0].astype(np.float64), exponents[0]), first)


def bring_both(row: Array, other: Array, exponents: IntArray) -> tuple[bool, IntArray]:
    """Bring them near 1 in place by the loop; return its answer and the new exponents."""
    from engine.compiled.near_one import bring_both_near_one

    squares, found = np.einsum("hb,hb->b", row, row), exponents.copy()
    bounds = 2.0**-100, 2.0**100
    return bring_both_near_one(row, other, squares, bounds, exponents, found), found


def test_two_rows_come_near_one_together(rng: np.random.Generator) -> None:
    (row, other, _), (exponents, _, _) = rows_of(rng)
    before = [np.ldexp(each.astype(np.float64), exponents) for each in (row, other)]
    done, found = bring_both(row, other, exponents)
    assert done
    for each, was in zip((row, other), before, strict=True):
        np.testing.assert_array_equal(np.ldexp(each.astype(np.float64), found), was)
    longest = np.maximum(np.linalg.norm(row, axis=0), np.linalg.norm(other, axis=0))
    assert longest.min() >= 0.5
    assert longest.max() < 2


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("value", [np.inf, np.nan, 1e30])
def test_two_rows_are_left_as_they_are_where_one_cannot_be_trusted(
    value: float, place: int, rng: np.random.Generator
) -> None:
    (row, other, _), (exponents, _, _) = rows_of(rng)
    (row, other)[place][:, 1] = value
    before = row.copy(), other.copy()
    done, found = bring_both(row, other, exponents)
    assert not done
    np.testing.assert_array_equal((row, other), before)
    np.testing.assert_array_equal(found, exponents)


def vanish(squares: Array) -> None:
    squares[:, 6:10, 1] = 2.0**-30


def lose(squares: Array) -> None:
    squares[2, 8, 3] = 2.0**-80


def explode(squares: Array) -> None:
    squares[1, 6:8, 0] = 2.0**70


def join_late(squares: Array) -> None:
    squares[1:, 9:] = 0


def end_at_zero(squares: Array) -> None:
    squares[0, 6:8] = 0


def become_no_number(squares: Array) -> None:
    squares[1, 6:8, 2] = np.nan


def recover_from_no_number(squares: Array) -> None:
    squares[1, 7, 2], squares[1, 6, 2] = np.nan, 0


def begin_infinite(squares: Array) -> None:
    squares[1, 6:, 2] = np.inf


STAYING: Mapping[Callable[[Array], None], tuple[bool, bool]] = {
    vanish: (True, False),
    lose: (False, True),
    explode: (True, False),
    join_late: (True, True),
    end_at_zero: (False, True),
    become_no_number: (True, False),
    recover_from_no_number: (True, True),
    begin_infinite: (True, False),
}
"""What happens to squared norms near 1; whether nothing is lost, and whether they are in range."""


@pytest.mark.parametrize("change", STAYING, ids=lambda change: change.__name__)
def test_both_backends_tell_alike_whether_norms_stay(
    change: Callable[[Array], None], rng: np.random.Generator
) -> None:
    network = random_network(("elman", "tanh"), rng, hidden=HIDDEN, gain=0.1, dtype="float32")
    stack = Sweep(network, length=12, batch=16).stack(ROWS)
    layer = stack.layers[0]
    layer.squares[...] = rng.uniform(0.1, 4, layer.squares.shape)
    change(layer.squares)
    assert layer.tape.compiled is not None
    compiled = layer.norms_stay(ROWS, 6, 10)
    layer.tape.compiled = None
    plain = layer.norms_stay(ROWS, 6, 10)
    kept, within = STAYING[change]
    assert compiled[0] == plain[0] == kept
    if kept:
        assert compiled[1] == plain[1] == within


@pytest.mark.parametrize("cell", [("elman", "tanh"), ("gru", None), ("lstm", None)])
def test_weights_feel_the_same_where_steps_too_small_to_feel_are_left_out(
    cell: tuple[str, str | None], both: Both
) -> None:
    def gradient(dtype: str) -> Array:
        rng = np.random.default_rng(3)
        network = random_network(cell, rng, hidden=HIDDEN, gain=0.1, dtype=dtype)
        length = 8 * CHUNK
        mask = np.zeros((length, BATCH), bool)
        mask[-1] = True
        inputs = rng.standard_normal((length, BATCH, 3))
        sweep = Sweep(network, length=length, batch=BATCH)
        sweep.forward(Batch(inputs, np.ones((length, BATCH, 2)), mask), "mean_squared_error")
        sweep.backward()
        if dtype == "float32":
            assert sweep.backward_layers[0].row_exponents.min() < UNFELT
        return network.gradient.copy()

    exact = gradient("float64")
    for found in both(lambda: gradient("float32")):
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
