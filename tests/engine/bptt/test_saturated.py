"""Saturated units are the same whether a sweep counts them on its way, or somebody afterwards."""

from importlib.util import find_spec

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.saturated import COUNTED_AT_ONCE, saturated_shares
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.compiled import SWITCH
from tests.engine.bptt.test_sweep import random_weights

T, H = 7, 16
LARGE = COUNTED_AT_ONCE // (2 * H) - 5
"""Samples of which no more than two steps are counted at once, in rows that are no whole words."""

SATURATING = [name for name in CELLS if make_cell(name).activation.saturation]
CASES: list[tuple[str, str | None, int]] = [
    (name, None, batch) for name in SATURATING for batch in (1, 3)
]
CASES += [
    ("elman", None, LARGE),
    ("lstm", None, LARGE),
    ("elman", "relu", 3),
    ("indrnn", "tanh", 3),
]

backends = pytest.mark.parametrize(
    "switch",
    [
        "0",
        pytest.param(
            "1", marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba has no wheels")
        ),
    ],
    ids=["plain", "compiled"],
)


def sweep_of(name: str, activation: str | None, batch: int, dtype: str = "float32") -> Sweep:
    """Return a sweep of two layers with large weights, unrolled over random inputs."""
    rng = np.random.default_rng(3)
    cell = make_cell(name, activation)
    network = Network(cell, inputs=2, hidden=H, layers=2, outputs=1, dtype=dtype)
    return Sweep(random_weights(network, rng, scale=1.0), length=T, batch=batch)


def counted(sweep: Sweep, inputs: Array, *, on_the_way: bool) -> Array:
    """Return the shares that a sweep of these inputs leaves."""
    sweep.count_saturated(on_the_way)
    sweep.unroll(inputs)
    return saturated_shares(sweep.tapes)


def by_slopes(sweep: Sweep) -> Array:
    """Return the same from the slopes themselves, (S, T)."""
    found = []
    for tape in sweep.tapes:
        values, rows = tape.holding(tape.cell.candidate)
        slopes = np.empty_like(values[:, rows])
        tape.cell.activation.slope_of_value(np.ascontiguousarray(values[:, rows]), slopes)
        shares = (slopes < 0.1 * tape.cell.activation.gamma).mean(axis=(1, 2))
        found.append(np.where(np.isnan(slopes).any(axis=(1, 2)), np.nan, shares))
    return np.array(found)


@backends
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "activation", "batch"), CASES, ids=str)
def test_a_sweep_counts_on_its_way_what_its_slopes_tell_afterwards(
    name: str,
    activation: str | None,
    batch: int,
    dtype: str,
    switch: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SWITCH, switch)
    sweep = sweep_of(name, activation, batch, dtype)
    inputs = np.random.default_rng(4).normal(size=(T, batch, 2)).astype(dtype)
    on_the_way = counted(sweep, inputs, on_the_way=True)
    np.testing.assert_array_equal(on_the_way, by_slopes(sweep))
    assert np.isfinite(on_the_way).all()
    assert on_the_way.max() > 0
    np.testing.assert_array_equal(counted(sweep, inputs, on_the_way=False), on_the_way)


@backends
@pytest.mark.parametrize("name", SATURATING)
def test_a_share_of_what_is_not_a_number_is_none(
    name: str, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, switch)
    sweep = sweep_of(name, None, 3)
    inputs = np.zeros((T, 3, 2), np.float32)
    inputs[2, 1] = np.nan
    for on_the_way in (True, False):
        found = counted(sweep, inputs, on_the_way=on_the_way)
        np.testing.assert_array_equal(np.isnan(found), [[False] * 2 + [True] * (T - 2)] * 2)


def test_a_sweep_that_was_not_asked_forgets_what_an_earlier_one_counted() -> None:
    sweep = sweep_of("elman", "tanh", 3)
    inputs = np.random.default_rng(4).normal(size=(T, 3, 2)).astype(np.float32)
    before = counted(sweep, 5 * inputs, on_the_way=True)
    after = counted(sweep, 0 * inputs, on_the_way=False)
    np.testing.assert_array_equal(after, by_slopes(sweep))
    assert (before != after).any()
