"""Squared norms of adjoints, taken while their rows still lie in the cache, and their means."""

import math

import numpy as np

from engine.arrays import Array, IntArray
from engine.compiled.elementary import BIAS, FRACTION, log2
from engine.compiled.kernel import inner, kernel, summing

LOG10_2 = math.log10(2.0)

LEAST = -900
"""Exponent from which down nothing counts beside a norm near 1; no product with it is subnormal."""


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


@inner
def power_of_two(exponent: int) -> float:
    """Return 2^exponent, ≤ 1, put together from its bits; 2^LEAST at least, since ∞ · 0 is NaN."""
    return np.int64(np.int64(max(exponent, LEAST) + BIAS) << np.int64(FRACTION)).view(np.float64)


@summing
def log10_mean(squares: Array, exponents: IntArray, nothing: int) -> float:
    """Return log10 of the mean of ‖stored‖ · 2^E over samples, from ‖stored‖² (B,).

    `nothing` is the exponent of what is exactly zero.
    """
    largest = nothing
    for b in range(squares.size):
        largest = max(largest, exponents[b] if squares[b] != 0 else nothing)
    total = 0.0
    for b in range(squares.size):
        total += math.sqrt(squares[b]) * power_of_two(min(exponents[b] - largest, 0))
    logs: float = np.log10(total / squares.size)
    return logs if largest == nothing else logs + LOG10_2 * largest


@kernel
def log10_means(squares: Array, exponents: IntArray, nothing: int, out: Array) -> None:
    """Write log10 of the mean of ‖stored‖ · 2^E over samples, from ‖stored‖² (n, B), to `out` (n,).

    `nothing` is the exponent of what is exactly zero.
    """
    for row in range(squares.shape[0]):
        out[row] = log10_mean(squares[row], exponents[row], nothing)


@inner
def turn_round(rows: Array) -> None:
    """Turn the order of rows (n, m) round in place."""
    last = rows.shape[0] - 1
    for t in range(rows.shape[0] // 2):
        for j in range(rows.shape[1]):
            rows[t, j], rows[last - t, j] = rows[last - t, j], rows[t, j]


@kernel
def log10_norms(
    squares: Array,
    exponents: IntArray,
    nothing: int,
    shift: float,
    backwards: bool,
    each: Array,
    means: Array,
) -> None:
    """Write log10 of ‖stored‖ · 2^E and of its mean over samples, from ‖stored‖² of T steps.

    Args:
        squares: (T, B), in the order of steps, as `exponents`.
        exponents: E.
        nothing: That of what is exactly zero.
        shift: Added to all.
        backwards: Whether the last step is the first time.
        each: Of every sample, (T, B), in the order of time.
        means: (T,), likewise.
    """
    length, batch = squares.shape
    # One loop over all: few samples would not fill the machine's vectors.
    all_squares, all_exponents = squares.reshape(-1), exponents.reshape(-1)
    logs = each.reshape(-1)
    for j in range(logs.size):
        halved = 0.5 * log2(np.float64(all_squares[j]))
        logs[j] = LOG10_2 * (halved + all_exponents[j]) + shift
    for t in range(length):
        if batch == 1:  # the mean over one sample is that sample's
            means[t] = logs[t]
        else:
            means[t] = log10_mean(squares[t], exponents[t], nothing) + shift
    if backwards:
        turn_round(each)
        turn_round(means.reshape(length, 1))
