"""How many numbers of a row lie in each of equal bins, and which share beyond two bounds."""

import numpy as np

from engine.arrays import Array
from engine.compiled.kernel import inner, kernel

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
    last, beside = values.dtype.type(bins - 1), values.dtype.type(bins)
    # In a loop of their own many places are found at once; what is no number has one of its own.
    places = np.empty(numbers, np.int32)
    counters = np.zeros((LANES, bins + 1), np.int64)
    for row in range(rows):
        own = values[row]
        for j in range(numbers):
            place = own[j] * factor
            place = lowest if place < lowest else place
            place = last if place > last else place
            places[j] = np.int32(place if place == place else beside)
        counters[:] = 0
        for j in range(numbers):
            counters[j % LANES, np.uint32(places[j])] += 1
        for each in range(bins):
            out[row, each] = counters[:, each].sum()


@inner
def share_outside(values: Array, bounds: tuple[float, float]) -> float:
    """Return the share of numbers (n,) that are less than the first or greater than the second.

    NaN where one of them is.
    """
    least, most = values.dtype.type(bounds[0]), values.dtype.type(bounds[1])
    # Sums of 64 bits would halve how many numbers the machine compares at once.
    inside, known = np.int32(0), np.int32(0)
    for j in range(values.size):
        inside = np.int32(inside + ((values[j] >= least) & (values[j] <= most)))
        known = np.int32(known + (values[j] == values[j]))
    return np.float64(known - inside) / values.size if known == values.size else np.nan


@kernel
def shares_outside(
    values: Array, first: int, height: int, low: float, high: float, out: Array
) -> None:
    """Write the share of each step's numbers that are less than `low` or greater than `high`.

    NaN where one of them is.

    Args:
        values: (n, rows, B).
        first: The first row that counts.
        height: How many rows do.
        low: In the type of `values`, or infinite, as the next.
        high: Greatest number that is not counted.
        out: (n,).
    """
    count = height * values.shape[2]
    for t in range(values.shape[0]):
        row = values[t, first : first + height].reshape(count)
        out[t] = share_outside(row, (low, high))
