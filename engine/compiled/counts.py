"""How many numbers of a row lie in each of equal bins, and how many slopes are small."""

import numpy as np

from engine.arrays import Array
from engine.compiled.kernel import kernel

TANH, SIGMOID, RELU = range(3)

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


@kernel
def small_slopes(  # noqa: C901  (a function called for each row would cost as much as the row)
    activation: int, values: Array, first: int, height: int, limit: float, out: Array
) -> None:
    """Write how many slopes φ′ of each step lie under a limit; NaN where one is not a number.

    Args:
        activation: TANH, SIGMOID or RELU.
        values: (n, rows, B), with φ among the rows.
        first: The first row of φ.
        height: How many rows of it.
        limit: In the type of `values`.
        out: (n,).
    """
    one, bound = values.dtype.type(1), values.dtype.type(limit)
    least, unknown = np.empty(values.shape[2], np.int32), np.empty(values.shape[2], np.int32)
    for t in range(values.shape[0]):
        least[:] = 0
        unknown[:] = 0
        for h in range(first, first + height):
            row = values[t, h]
            if activation == TANH:
                for b in range(row.size):
                    least[b] += (one - row[b] * row[b]) < bound
            elif activation == SIGMOID:
                for b in range(row.size):
                    least[b] += (one - row[b]) * row[b] < bound
            else:
                for b in range(row.size):
                    least[b] += not row[b] > 0
            for b in range(row.size):
                unknown[b] |= np.isnan(row[b])
        out[t] = least.sum() if unknown.sum() == 0 else np.nan
