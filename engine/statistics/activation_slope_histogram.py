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

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition

BINS = 40  # Fine enough to tell 0 from γ/10, small enough to be stored at every time step


def compute(observation: Observed) -> Array:
    """Return counts of φ′ in 40 bins on [0, γ], [S, T, 40]."""
    return observation.slope_counts(BINS)


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
