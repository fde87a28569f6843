"""Rows pass through the database to the same bits, in fewer bytes where there is little in them."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from app.store.layouts import StoredLayout
from app.store.payloads import payload_of, rows_of


def layout(dtype: str, *shape: int) -> StoredLayout:
    return StoredLayout(
        name="a statistic",
        axes=("step", *(f"axis {number}" for number in range(len(shape)))),
        coords={f"axis {number}": tuple(range(size)) for number, size in enumerate(shape)},
        scale="plain",
        dtype=dtype,
        per_step=False,
    )


def triangle(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return loss-state matrices of a task that asks at the last of 40 time steps."""
    values = np.full((3, 1, 40, 40), -np.inf, np.float32)
    values[..., ~np.tri(40, dtype=bool)] = np.nan
    values[:, :, -1] = rng.normal(size=(3, 1, 40))
    return values


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_many_values_stay_the_bytes_they_are(rng: np.random.Generator, dtype: str) -> None:
    values = rng.normal(size=(4, 2, 3)).astype(dtype)
    payload = payload_of(layout(dtype, 2, 3), values)
    assert payload == values.tobytes()
    assert rows_of(layout(dtype, 2, 3), 4, payload).tobytes() == values.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_few_values_take_as_many_bytes_as_these(
    rng: np.random.Generator, dtype: str
) -> None:
    values = triangle(rng).astype(dtype)
    payload = payload_of(layout(dtype, 1, 40, 40), values)
    assert len(payload) < values.nbytes / 6
    found = rows_of(layout(dtype, 1, 40, 40), 3, payload)
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.tobytes() == values.tobytes()


def test_values_that_compare_alike_keep_their_own_bits() -> None:
    quiet, other = np.array([0x7FC00000, 0x7FC00001], np.uint32).view(np.float32)
    values = np.repeat(np.array([0.0, -0.0, quiet, other], np.float32), 20).reshape(2, 40)
    found = rows_of(layout("float32", 40), 2, payload_of(layout("float32", 40), values))
    assert found.tobytes() == values.tobytes()


@pytest.mark.parametrize("runs", [1, 3, 4, 5, 6, 11, 12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neither_way_is_taken_for_the_other(dtype: str, runs: int) -> None:
    """At some number of runs both take as many bytes."""
    values = np.minimum(np.arange(12), runs - 1).astype(dtype).reshape(1, 12)
    payload = payload_of(layout(dtype, 12), values)
    assert len(payload) <= values.nbytes
    assert rows_of(layout(dtype, 12), 1, payload).tobytes() == values.tobytes()


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0)])
def test_rows_may_be_one_number_or_none(shape: tuple[int, ...]) -> None:
    values = np.full((2, *shape), np.nan, np.float32)
    payload = payload_of(layout("float32", *shape), values)
    assert len(payload) <= 4 * 2 * math.prod(shape)
    assert rows_of(layout("float32", *shape), 2, payload).tobytes() == values.tobytes()
