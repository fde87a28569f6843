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
def small_slopes(
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
    count = height * values.shape[2]
    for t in range(values.shape[0]):
        row = values[t, first : first + height].reshape(count)
        # Sums of 64 bits would halve how many numbers the machine compares at once.
        small, known = np.int32(0), np.int32(0)
        if activation == TANH:
            for j in range(count):
                slope = one - row[j] * row[j]
                small, known = np.int32(small + (slope < bound)), np.int32(known + (slope == slope))
        elif activation == SIGMOID:
            for j in range(count):
                slope = (one - row[j]) * row[j]
                small, known = np.int32(small + (slope < bound)), np.int32(known + (slope == slope))
        else:
            for j in range(count):
                value = row[j]
                small, known = np.int32(small + (not value > 0)), np.int32(known + (value == value))
        out[t] = small if known == count else np.nan
