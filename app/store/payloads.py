"""Rows of an array as bytes in the database, on their way to the arrays.

As they are, or where that is shorter as runs of one value: the value of each run in the array's
type, then the length of each in 32 bits. The loss-state matrix of a task that asks at one time has
nothing but runs in 99 rows of 100, and is a third of a frame.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.store.layouts import StoredLayout

_LENGTH: Final = np.dtype("uint32")


def payload_of(layout: StoredLayout, values: NDArray[Any]) -> bytes:
    """Return rows as bytes, in the shorter way."""
    plain = np.ascontiguousarray(values, dtype=layout.dtype).ravel()
    bits = plain.view(f"u{plain.itemsize}")  # NaN is no other value than itself here
    changes = bits[1:] != bits[:-1]
    runs = np.count_nonzero(changes) + 1
    if not plain.size or runs * (plain.itemsize + _LENGTH.itemsize) >= plain.nbytes:
        return plain.tobytes()
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=plain.size).astype(_LENGTH)
    return bytes(plain[starts].tobytes() + lengths.tobytes())


def rows_of(layout: StoredLayout, rows: int, payload: bytes) -> NDArray[Any]:
    """Return the rows that a payload holds.

    Args:
        layout: The array's.
        rows: How many they are: bytes that are fewer than so many rows have are runs.
        payload: What `payload_of` made of them.
    """
    dtype = np.dtype(layout.dtype)
    shape = (rows, *layout.row_shape)
    if len(payload) == math.prod(shape) * dtype.itemsize:
        return np.frombuffer(payload, dtype).reshape(shape)
    runs = len(payload) // (dtype.itemsize + _LENGTH.itemsize)
    values = np.frombuffer(payload, dtype, runs)
    lengths = np.frombuffer(payload, _LENGTH, runs, offset=values.nbytes)
    return np.repeat(values, lengths).reshape(shape)
