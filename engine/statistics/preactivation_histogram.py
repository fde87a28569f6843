"""How often each pre-activation occurs: where on its activation function a layer works.

Definition: number of (sample, unit) pairs whose pre-activation a_t (the candidate's in gated
    cells) falls into each of 64 equal bins on [−8, 8), into the tail below and the tail from 8 on.
Reduction: counts over the batch and the units.
Axes: step, layer, time, bin (lower edges; that of the lower tail is −inf).
Scale: counts.
Range: 0 … B·H; they sum to B·H, less the values that are not numbers.
Cost: a product with the recurrent weights for every step.
How to read: beyond ±3 tanh and beyond ±5 the sigmoid pass hardly any gradient; for ReLU all that
    lies left of 0 is off.
Exact cases: weights of zero: all in the bin of the bias,
    test_preactivations_without_weights_are_the_bias; φ of them is the candidate,
    test_the_candidate_is_the_function_of_its_preactivation.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.reductions import counted

EDGES = np.linspace(-8.0, 8.0, 65)
"""Inner edges: four bins a unit, over the range on which tanh and the sigmoid move."""


def compute(observation: Observed) -> Array:
    """Return the counts, [S, T, 66]."""
    values = observation.preactivations
    return counted(values.reshape(*values.shape[:2], -1), EDGES)


def own_coordinates(_facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the lower edges of the bins."""
    return {"bin": (float("-inf"), *EDGES.tolist())}


STATISTIC = StatisticDefinition(
    name="preactivation_histogram",
    title="Histogram of the pre-activations",
    axes=("step", "layer", "time", "bin"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
