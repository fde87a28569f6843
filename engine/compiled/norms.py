"""Squared norms of adjoints, taken while their rows still lie in the cache."""

import numpy as np

from engine.arrays import Array
from engine.compiled.kernel import inner, kernel


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
