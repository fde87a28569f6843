"""The compiled squared error does what the plain one does, numbers that are none included."""

from typing import NamedTuple

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.readout import Loss, Readout
from engine.cells import make_cell
from engine.tasks.base import Batch
from tests.engine.compiled.conftest import Both

STEPS, HIDDEN, SAMPLES = 9, 5, 4
ROUNDING = {"float32": 1e-5, "float64": 1e-13}


class ReadOut(NamedTuple):
    """What a read-out finds, and what it hands back."""

    loss: Loss
    rows: list[int]
    dy: Array
    gradient: Array
    ordinary: bool


def problem(outputs: int, dtype: str, rng: np.random.Generator) -> tuple[Network, Array, Batch]:
    """Return random weights, states of rows 0 … T, and a batch that asks here and there."""
    network = Network(make_cell("elman"), inputs=1, hidden=HIDDEN, outputs=outputs, dtype=dtype)
    network.flat[...] = rng.standard_normal(network.flat.size)
    states = rng.standard_normal((STEPS + 1, HIDDEN, SAMPLES)).astype(dtype)
    mask = rng.random((STEPS, SAMPLES)) < 0.6
    mask[3], mask[5, 1] = False, True
    targets = rng.standard_normal((STEPS, SAMPLES, outputs)).astype(dtype)
    return network, states, Batch(np.zeros((STEPS, SAMPLES, 1), dtype), targets, mask)


def read_out(network: Network, states: Array, batch: Batch, reduction: str) -> ReadOut:
    readout = Readout(network)
    with np.errstate(over="ignore", invalid="ignore"):
        loss = readout.forward(states, batch, "mean_squared_error", reduction)
        dy = readout.dy.copy()
        _, _, ordinary = readout.backward()
    return ReadOut(loss, readout.rows, dy, network.readout_gradient.copy(), ordinary)


def agree(plain: ReadOut, found: ReadOut, rounding: float) -> None:
    assert found.rows == plain.rows
    assert found.ordinary == plain.ordinary
    for name in ("loss", "dy", "gradient"):
        mine, theirs = getattr(found, name), getattr(plain, name)
        if name == "loss":
            assert mine.accuracy is theirs.accuracy is None
            mine, theirs = ([each for each in loss if each is not None] for loss in (mine, theirs))
        np.testing.assert_allclose(mine, theirs, rtol=rounding, atol=rounding, err_msg=name)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("dtype", sorted(ROUNDING))
def test_loss_and_derivatives_are_those_of_the_plain_path(
    dtype: str, outputs: int, reduction: str, both: Both, rng: np.random.Generator
) -> None:
    given = problem(outputs, dtype, rng)
    plain, found = both(lambda: read_out(*given, reduction))
    assert plain.ordinary
    agree(plain, found, ROUNDING[dtype])


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 1e-15])
@pytest.mark.parametrize("asked", [True, False])
def test_what_is_no_ordinary_number_goes_the_same_way(
    value: float, outputs: int, asked: bool, both: Both, rng: np.random.Generator
) -> None:
    """1e30 overflows when it is squared, and 1e-15 is too small for that: both need exponents."""
    network, states, batch = problem(outputs, "float32", rng)
    batch.mask[5, 1] = asked
    if value == 1e-15:  # an error as small as that
        network.readout[:, HIDDEN], states[...], batch.targets[5, 1] = 0, 0, value
    else:
        batch.targets[5, 1, outputs - 1] = value
    plain, found = both(lambda: read_out(network, states, batch, "sum"))
    assert not (asked and plain.ordinary)
    agree(plain, found, ROUNDING["float32"])


def test_errors_that_are_all_exactly_zero_are_ordinary(
    both: Both, rng: np.random.Generator
) -> None:
    network, states, batch = problem(2, "float64", rng)
    network.readout[...] = 0
    batch.targets[...] = 0
    plain, found = both(lambda: read_out(network, states, batch, "mean"))
    assert plain.loss.value == found.loss.value == 0
    agree(plain, found, 0)


def test_the_rows_are_those_of_the_newest_batch(both: Both, rng: np.random.Generator) -> None:
    """They are kept from batch to batch while the asked steps stay the same."""
    network, states, batch = problem(1, "float64", rng)

    def rows() -> list[list[int]]:
        readout, found = Readout(network), []
        for steps in ([2, 4], [2, 4], [0, 8]):
            own = Batch(batch.inputs, batch.targets, batch.mask, np.array(steps))
            readout.forward(states, own, "mean_squared_error", "sum")
            found.append(readout.rows)
            assert readout.asked_rows(STEPS).where.tolist() == [
                found[-1].index(row) if row in found[-1] else -1 for row in range(STEPS + 1)
            ]
        return found

    plain, compiled = both(rows)
    assert plain == compiled == [[3, 5], [3, 5], [1, 9]]
