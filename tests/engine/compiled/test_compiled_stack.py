"""A stack swept by compiled stretches is the one that NumPy sweeps row by row."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.stack import PERIOD, Visit
from engine.bptt.sweep import Sweep
from engine.tasks.base import Batch
from tests.engine.compiled.random_networks import random_network
from tests.engine.compiled.test_twins import TWINS

LENGTH = 3 * PERIOD + 5
EVERY = range(1, LENGTH + 1)
SOME = (3, 17, 18, 40, LENGTH)
ROUNDING = {"float64": 1e-12, "float32": 2e-5}
"""Of log10: sums in another order, and a period of one step beside one of many."""


def swept(
    model: tuple[str, str | None], dtype: str, *, size: int, gain: float, window: int | None
) -> Sweep:
    """Return a sweep, forward and back, of a loss at every step."""
    rng = np.random.default_rng(3)
    network = random_network(model, rng, hidden=12, gain=gain, dtype=dtype)
    shape = LENGTH, size
    batch = Batch(
        rng.normal(size=(*shape, 3)).astype(dtype),
        rng.normal(size=(*shape, 2)).astype(dtype),
        np.ones(shape, bool),
    )
    sweep = Sweep(network, length=LENGTH, batch=size, window=window)
    sweep.forward(batch, "mean_squared_error")
    sweep.backward()
    return sweep


def rows_of(sweep: Sweep, times: Sequence[int], *, visited: bool) -> Array:
    """Return the rows of the matrix; a visitor is shown every row, so that each is passed alone."""

    def look(visit: Visit) -> None:
        assert np.all(np.diff(visit.losses) < 0)

    stack = sweep.stack(len(times))
    parts = [norms for _, norms in stack.run(sweep.top_source, times, look if visited else None)]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("times", [EVERY, SOME, (LENGTH,)], ids=["every", "some", "last"])
@pytest.mark.parametrize("window", [None, 9], ids=["whole", "truncated"])
@pytest.mark.parametrize("size", [1, 5, 20], ids=["side by side", "three abreast", "apart"])
@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_rows_of_compiled_stretches_are_those_of_single_steps(
    model: tuple[str, str | None], dtype: str, size: int, window: int | None, times: Sequence[int]
) -> None:
    for gain in (0.3, 0.02, 1.0):  # ordinary, vanishing and exploding
        sweep = swept(model, dtype, size=size, gain=gain, window=window)
        assert sweep.backward_layers[0].tape.compiled is not None
        found = rows_of(sweep, times, visited=False)
        expected = rows_of(sweep, times, visited=True)
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
        kept = np.isfinite(expected)
        np.testing.assert_allclose(found[kept], expected[kept], rtol=0, atol=ROUNDING[dtype])
