"""How often each slope of the activation function occurs.

Definition: number of (sample, unit) pairs whose φ′(a_t) falls into each of 40 equal bins on
    [0, γ], γ = sup φ′ (of the candidate's function in gated cells).
Reduction: counts over the batch and the units.
Axes: step, layer, time, bin (lower edges; the last bin holds γ itself).
Scale: counts.
Range: 0 … B·H; they sum to B·H, less the slopes that are not numbers.
How to read: mass at the left end is saturation, where gradients die; mass at the right end passes
    the gradient on as well as the function can.
Exact cases: identity: all in the last bin, test_identity_slopes_stand_in_the_last_bin.
Source: definition.
"""

import numpy as np

from engine.arrays import Array, IntArray
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition

AT_ONCE = 2**15  # Slopes that are counted at once: so that all about them stays in the cache
BINS = 40  # Fine enough to tell 0 from γ/10, small enough to be stored at every time step


def compute(observation: Observed) -> Array:
    """Return counts of φ′ in 40 bins on [0, γ], [S, T, 40]."""
    slopes = observation.slopes
    # As they lie in memory, samples last: the order of what is counted does not matter.
    flat = slopes.swapaxes(2, 3).reshape(slopes.shape[0] * slopes.shape[1], -1)
    scale = slopes.dtype.type(BINS / observation.cell.activation.gamma)
    counts = np.empty((len(flat), BINS))
    at_once = max(1, AT_ONCE // flat.shape[1])
    for start in range(0, len(flat), at_once):
        rows = slice(start, start + at_once)
        counts[rows] = _counted(flat[rows] * scale)
    return counts.reshape(*slopes.shape[:2], BINS)


def _counted(position: Array) -> IntArray:
    """Return how many of the places (n, m), in bins from the first on, lie in each bin of a row."""
    unknown = np.isnan(position)
    some_unknown = bool(unknown.any())
    if some_unknown:
        position[unknown] = 0
    # The last bin is closed: γ itself is attained, and rounding may pass it by a unit.
    np.clip(position, 0, BINS - 1, out=position)
    bins = position.astype(np.intp)
    bins += BINS * np.arange(len(bins))[:, None]
    counts: IntArray = np.bincount(bins.ravel(), minlength=len(bins) * BINS).reshape(-1, BINS)
    if some_unknown:
        counts[:, 0] -= np.count_nonzero(unknown, axis=1)
    return counts


def own_coordinates(facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the lower edges of the bins."""
    return {"bin": tuple(facts.gamma * edge / BINS for edge in range(BINS))}


STATISTIC = StatisticDefinition(
    name="activation_slope_histogram",
    title="Histogram of the activation slopes",
    axes=("step", "layer", "time", "bin"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
