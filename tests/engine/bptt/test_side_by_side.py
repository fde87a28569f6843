"""Loss times that share a row of the stack are what they are by themselves."""

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.side_by_side import LANES, SideBySide
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.tasks.base import Batch

T, B = 21, 3


def swept(name: str, rng: np.random.Generator, layers: int, unknown_from: int = T) -> Sweep:
    """Return a sweep, forward and back, whose inputs are not numbers from some step on."""
    network = Network(
        make_cell(name), inputs=2, hidden=4, layers=layers, outputs=3, dtype=np.float64
    )
    network.flat[...] = 0.5 * rng.normal(size=network.flat.shape)
    network.prepare()
    sweep = Sweep(network, length=T, batch=B)
    inputs = rng.normal(size=(T, B, 2))
    inputs[unknown_from:] = np.nan
    targets, mask = rng.normal(size=(T, B, 3)), np.ones((T, B), bool)
    sweep.forward(Batch(inputs, targets, mask), "mean_squared_error")
    sweep.backward()
    return sweep


def rows_of(sweep: Sweep, times: list[int]) -> Array:
    """Return the log norms of some loss times, (S, R, T)."""
    found = sweep.stack(len(times)).run(sweep.top_source, times)
    return np.concatenate([norms for _, norms in found], axis=1)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_rows_side_by_side_are_those_of_one_loss_time_alone(
    name: str, layers: int, rng: np.random.Generator
) -> None:
    sweep = swept(name, rng, layers)
    together = rows_of(sweep, list(range(1, T + 1)))
    alone = [rows_of(sweep, [time]) for time in range(1, T + 1)]
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["elman", "lstm", "skip"])
def test_what_is_no_number_later_stays_out_of_a_row(name: str, rng: np.random.Generator) -> None:
    unknown = 12
    sweep = swept(name, rng, 1, unknown_from=unknown)
    rows = rows_of(sweep, list(range(1, T + 1)))
    defined = np.tri(T, dtype=bool)
    assert np.isfinite(rows[0, :unknown][defined[:unknown]]).all()
    assert np.isnan(rows[0, unknown:][:, 0]).all()


def test_a_large_batch_stands_alone_and_a_single_sample_fills_the_lanes() -> None:
    assert SideBySide.of(100, 16).side == 1
    assert SideBySide.of(100, 1).side == LANES
    assert SideBySide.of(2, 1).side == 2  # no more than there are
