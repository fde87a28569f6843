"""Squared norms of adjoints, taken while their rows still lie in the cache, and their means."""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.elementary import log2
from engine.compiled.kernel import inner, kernel

POWERS = 2.0 ** -np.arange(1075.0)
"""2^-d for every d at which that is not zero."""

LOG10_2 = math.log10(2.0)


@inner
def add_squares(rows: Array, total: Array) -> None:
    """Add the sums of squares of rows (H, B) over H to `total` (B,)."""
    batch = rows.shape[1]
    for h in range(rows.shape[0]):
        values = rows[h]
        for b in range(batch):
            total[b] += values[b] * values[b]


@kernel
def squared_norms(rows: Array, out: Array) -> tuple[float, float]:
    """Write the sums of squares of rows (n, H, B) over H to `out` (n, B).

    Returns:
        The least and the greatest; both NaN where one is.
    """
    steps, _, batch = rows.shape
    low, high = np.inf, 0.0
    for t in range(steps):
        total = out[t]
        for b in range(batch):
            total[b] = 0
        add_squares(rows[t], total)
        for b in range(batch):
            if np.isnan(total[b]):
                low = high = np.nan
            elif not np.isnan(low):
                low, high = min(low, total[b]), max(high, total[b])
    return low, high


@kernel
def log10_means(squares: Array, exponents: IntArray, nothing: int, out: Array) -> None:
    """Write log10 of the mean of ‖stored‖ · 2^E over samples, from ‖stored‖² (n, B), to `out` (n,).

    `nothing` is the exponent of what is exactly zero.
    """
    for row in range(squares.shape[0]):
        largest = nothing
        for b in range(squares.shape[1]):
            if squares[row, b] != 0:
                largest = max(largest, exponents[row, b])
        total = 0.0
        for b in range(squares.shape[1]):
            if squares[row, b] != 0:
                below = largest - exponents[row, b]
                power = POWERS[below] if below < POWERS.size else 0.0
                total += math.sqrt(squares[row, b]) * power
        logs = np.log10(total / squares.shape[1])
        out[row] = logs if largest == nothing else logs + LOG10_2 * largest


@kernel
def log10_norms(squares: Array, exponents: IntArray, out: Array) -> None:
    """Write log10 of ‖stored‖ · 2^E, from ‖stored‖² (n, B), to `out` (n, B)."""
    for row in range(squares.shape[0]):
        for b in range(squares.shape[1]):
            halved = 0.5 * log2(np.float64(squares[row, b]))
            out[row, b] = LOG10_2 * (halved + exponents[row, b])
