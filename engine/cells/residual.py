"""Residual recurrent network: each step adds to the state.

Equations (row vectors):
    n   = φ(x_t W_xᵀ + h_{t-1} W_hᵀ + b)                           (1)
    h_t = h_{t-1} + α n                                            (2)

Backward, with λ = ∂L/∂h_t coming in: δ = α λ ⊙ φ′ at n's pre-activation, and
∂L/∂h_{t-1} = λ + δ W_h, as blend.py has it with κ = 1.

What the gradient sees: J_t = I + α diag(φ′) W_h: λ is handed on whole, and a small α leaves J_t
    near the identity.

Shapes: x_t (B, D); h (B, H); W_x (H, D), W_h (H, H), b (H,).
Source: Kusupati et al. 2018, arXiv:1901.02358 (FastRNN: h_t = α n + β h_{t-1}), with β = 1 and α
    a constant; α is the step of Euler's method for dh/dt = n.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import Interval

from engine.activations import Activation
from engine.cells.base import Cell, CellDefinition, CellOptions
from engine.cells.blend import blend
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualOptions(CellOptions):
    """Options of the residual cell."""

    purpose: ClassVar[str] = "How much of the candidate each step adds."

    alpha: Annotated[
        float,
        Interval(gt=0, le=100),
        Doc("Share α of the candidate that a step adds to the state.", title="α"),
    ] = 0.1


def make(activation: Activation, options: ResidualOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    keep, take = 1.0, options.alpha
    cell = blend("residual", activation, keep=keep, take=take)
    return replace(cell, bound=lambda norm: keep + take * activation.gamma * norm)


DEFINITION = CellDefinition(
    name="residual",
    title="Residual RNN",
    summary="Each step adds a little to the state, which is otherwise handed on whole: the "
    "identity is in every Jacobian.",
    equations=("h_t = h_{t−1} + α φ(U x_t + W h_{t−1} + b)",),
    source="Kusupati et al. 2018 (FastRNN with β = 1)",
    gates=("h",),
    activation_choice=True,
    default_activation="tanh",
    make=make,
    options=ResidualOptions,
)
