"""Geometry of the recurrent weights: what they alone would do to a gradient.

Definition: for W, the recurrent block of each gate as the forward sweep multiplies with it (diag u
    where each unit reads itself alone), the spectral radius max |λ|; the largest singular value
    ‖W‖₂; the distance from orthogonality ‖WᵀW − I‖ (Frobenius); and Henrici's departure from
    normality √(‖W‖² − Σ|λ|²), ‖W‖ the Frobenius norm.
Reduction: none.
Axes: step, layer, gate, quantity.
Scale: plain.
Range: [0, inf]; NaN where a weight is not finite, or where a gate has no recurrent weights.
Cost: one eigenvalue and one singular value problem of H × H for each gate.
How to read: in a cell of one path, a largest singular value under 1/γ means that the gradient must
    vanish; a spectral radius above 1 makes explosion possible; a large departure from normality
    means that both can happen for a while against what the radius says.
Exact cases: W = ρQ, Q orthogonal: ρ, ρ, |ρ² − 1|√H, 0, test_weight_geometry_of_a_scaled_rotation;
    a nilpotent W has radius 0 and departure ‖W‖, test_weight_geometry_of_a_nilpotent_matrix.
Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063 (radius and norm); Henrici 1962,
    Numerische Mathematik 4 (departure from normality).
"""

import numpy as np

from engine.arrays import Array
from engine.statistics.base import AxisFacts, Coordinates, Observed, StatisticDefinition

QUANTITIES = (
    "spectral_radius",
    "largest_singular_value",
    "distance_from_orthogonal",
    "departure_from_normality",
)


def compute(observation: Observed) -> Array:
    """Return the four quantities of every gate's recurrent block, [S, gates, 4]."""
    gates = observation.cell.gates
    found = np.full((observation.layers, len(gates), len(QUANTITIES)), np.nan)
    for layer in range(observation.layers):
        blocks = observation.network.recurrent_blocks(layer)
        own = [gate for gate in gates if gate in blocks]
        if own:
            places = [gates.index(gate) for gate in own]
            found[layer, places] = geometry(np.array([blocks[gate] for gate in own], np.float64))
    return found


def geometry(weights: Array) -> Array:
    """Return the quantities of square matrices (n, H, H), in the order of `QUANTITIES`, (n, 4)."""
    found = np.full((len(weights), len(QUANTITIES)), np.nan)
    finite = np.isfinite(weights).all(axis=(1, 2))
    if not finite.any():
        return found
    known = weights[finite]
    moduli = np.abs(np.linalg.eigvals(known))
    singular = np.linalg.svd(known, compute_uv=False)
    # ‖WᵀW − I‖ in the singular values: WᵀW has the eigenvalues σ².
    with np.errstate(over="ignore"):  # σ⁴ passes the largest float64 where a run diverges
        from_orthogonal = np.sqrt(np.sum((singular**2 - 1.0) ** 2, axis=1))
        # Schur's inequality makes the difference ≥ 0; rounding may not.
        excess = np.maximum(np.sum(singular**2, axis=1) - np.sum(moduli**2, axis=1), 0.0)
    found[finite] = np.stack(
        [moduli.max(axis=1), singular[:, 0], from_orthogonal, np.sqrt(excess)], axis=1
    )
    return found


def own_coordinates(_facts: AxisFacts) -> dict[str, Coordinates]:
    """Return the names of the quantities."""
    return {"quantity": QUANTITIES}


STATISTIC = StatisticDefinition(
    name="weight_geometry",
    title="Geometry of the recurrent weights",
    axes=("step", "layer", "gate", "quantity"),
    scale="plain",
    doc=__doc__ or "",
    compute=compute,
    own_coordinates=own_coordinates,
)
