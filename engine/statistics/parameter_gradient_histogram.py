"""How large the entries of each parameter's gradient are.

Definition: number of entries of ∂L/∂P, L of the observed batch and before clipping, whose absolute
    value falls into each quarter of a decade from 1e-20 to 1e10, into the tails below and above,
    and, apart, of those that are exactly zero.
Reduction: none (the gradient is that of the batch's loss).
Axes: step, parameter, bin (lower edges; 0 holds exact zeros, the tail below starts at the
    smallest number above 0).
Scale: counts.
Range: 0 … number of entries; they sum to it, less the entries that are not numbers. An entry under
    the smallest number of the run's type (1e-45 in float32) is a zero.
Cost: of a probe one more sweep back: the one that other statistics share leaves them out.
How to read: a hump that wanders left over a training is a parameter that stops learning; a second
    hump far left of the first is a part of it that never started.
Exact cases: no weights: the recurrent matrix's gradient is all zeros,
    test_gradients_of_exactly_zero_are_counted_apart; it is numpy's own histogram of the log10,
    test_gradient_histogram_agrees_with_numpy_s_own.
Source: definition.
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition
from engine.statistics.reductions import counted

SMALLEST = float(np.nextafter(0.0, 1.0))
EDGES = np.concatenate([[SMALLEST], 10.0 ** (np.arange(-80, 41) / 4)])
"""Inner edges: of the zeros, and quarter decades from 1e-20 to 1e10."""


def compute(observation: Observed) -> Array:
    """Return the counts, [parameters, 123]."""
    gradients = observation.parameter_gradients.values()
    return np.stack([counted(np.abs(g.astype(np.float64)).ravel(), EDGES) for g in gradients])


def own_coordinates(_facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the lower edges of the bins."""
    return {"bin": (0.0, *EDGES.tolist())}


STATISTIC = StatisticDefinition(
    name="parameter_gradient_histogram",
    title="Histogram of the parameter gradients",
    axes=("step", "parameter", "bin"),
    scale="counts",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
