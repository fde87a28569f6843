"""How often slopes of the activation function occur, in equal bins."""

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.tape import LayerTape

COUNTED_AT_ONCE = 2**15
"""Slopes that are counted at once: few enough that all about them stays in the cache."""


def slope_counts(tape: LayerTape, slopes: Array, bins: int) -> Array:
    """Return how many φ′ of each layer and time lie in each of equal bins on [0, γ], (S, T, bins).

    Args:
        tape: A layer's, whose cell tells γ.
        slopes: (S, T, B, H); what is not a number is not counted.
        bins: How many.
    """
    # As they lie in memory, samples last: the order of what is counted does not matter.
    flat = slopes.swapaxes(2, 3).reshape(slopes.shape[0] * slopes.shape[1], -1)
    scale = slopes.dtype.type(bins / tape.cell.activation.gamma)
    counts = np.empty((len(flat), bins))
    if tape.compiled is not None:
        tape.compiled.count(flat, float(scale), counts)
        return counts.reshape(*slopes.shape[:2], bins)
    at_once = max(1, COUNTED_AT_ONCE // flat.shape[1])
    for start in range(0, len(flat), at_once):
        rows = slice(start, start + at_once)
        counts[rows] = _counted(flat[rows] * scale, bins)
    return counts.reshape(*slopes.shape[:2], bins)


def _counted(places: Array, bins: int) -> IntArray:
    """Return how many of the places (n, m), in bins from the first on, lie in each bin of a row."""
    unknown = np.isnan(places)
    some_unknown = bool(unknown.any())
    if some_unknown:
        places[unknown] = 0
    # The last bin is closed: γ itself is attained, and rounding may pass it by a unit.
    np.clip(places, 0, bins - 1, out=places)
    found = places.astype(np.intp)
    found += bins * np.arange(len(found))[:, None]
    counts: IntArray = np.bincount(found.ravel(), minlength=len(found) * bins).reshape(-1, bins)
    if some_unknown:
        counts[:, 0] -= np.count_nonzero(unknown, axis=1)
    return counts
