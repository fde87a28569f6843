"""How many numbers of a row lie in each of equal bins."""

import numpy as np

from engine.arrays import Array
from engine.compiled.kernel import kernel

LANES = 4
"""Counters of each bin: neighbours often fall into one, and would wait for each other there."""


@kernel
def count(values: Array, scale: float, out: Array) -> None:
    """Write how many numbers of each row lie in each bin.

    Args:
        values: (n, m); what is not a number is not counted.
        scale: Bins in a unit; the first starts at 0, and what lies outside counts with the bin
            next to it.
        out: (n, bins).
    """
    rows, numbers = values.shape
    bins = out.shape[1]
    factor, lowest = values.dtype.type(scale), values.dtype.type(0)
    last = values.dtype.type(bins - 1)
    counters = np.zeros((LANES, bins), np.int64)
    for row in range(rows):
        counters[:] = 0
        for j in range(numbers):
            place = values[row, j] * factor
            if place == place:  # a number
                counters[j % LANES, int(min(max(place, lowest), last))] += 1
        for each in range(bins):
            out[row, each] = counters[:, each].sum()
