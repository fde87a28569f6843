"""The squared error of what is read out, in one pass; equations as numbered in tasks/losses.py."""

import numpy as np

from engine.arrays import Array, BoolArray
from engine.compiled.kernel import inner, kernel


@inner
def turn(row: Array, target: Array, asked: BoolArray, factor: np.floating, sums: Array) -> None:
    """Turn a y_i of one step, (B,), into its derivative; into 0 where nobody asks.

    Of `sums` (3, B) the first gets its square, the second keeps the larger |∂/∂y_i|, and the third
    is no number from where one of these is not finite.
    """
    errors, largest, finite = sums[0], sums[1], sums[2]
    nothing = factor * 0
    for b in range(row.size):
        row[b] -= target[b]
    for b in range(row.size):
        errors[b] += row[b] * row[b]
    for b in range(row.size):
        row[b] = row[b] * factor if asked[b] else nothing  # (2)
    for b in range(row.size):
        largest[b] = max(largest[b], abs(row[b]))
    for b in range(row.size):
        finite[b] += row[b] - row[b]


@kernel
def squared_errors(
    outputs: Array, bias: Array, targets: Array, mask: BoolArray
) -> tuple[float, float, float]:
    """Turn outputs into ∂(Σ m e)/∂y, in their own memory.

    Args:
        outputs: h W_yᵀ of n asked steps, to which the bias is still to be added, (n, K, B).
        bias: b_y, (K,).
        targets: (n, K, B).
        mask: m, (n, B).

    Returns:
        Σ m e; and of the largest |∂/∂y_i| of every step and sample the least that is not zero and
        the greatest: ∞ and 0 where all are zero, both NaN where one is not finite.
    """
    steps, width, batch = outputs.shape
    factor, total = outputs.dtype.type(2 / width), 0.0
    least, most, finite = np.inf, 0.0, 0.0
    sums = np.empty((3, batch), outputs.dtype)
    for t in range(steps):
        sums[:] = 0
        for k in range(width):
            outputs[t, k] += bias[k]
            turn(outputs[t, k], targets[t, k], mask[t], factor, sums)
        for b in range(batch):
            total += sums[0, b] if mask[t, b] else 0  # (2)
            finite += sums[2, b]
            if sums[1, b] > 0:
                least, most = min(least, sums[1, b]), max(most, sums[1, b])
    if np.isnan(finite):
        least = most = np.nan
    return total / width, least, most
