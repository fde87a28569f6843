"""Leaky recurrent network: the state leaks away and is refilled at one rate.

Equations (row vectors):
    n   = φ(x_t W_xᵀ + h_{t-1} W_hᵀ + b)                           (1)
    h_t = (1 - α) h_{t-1} + α n, 0 < α < 1                         (2)

Backward, with λ = ∂L/∂h_t coming in: δ = α λ ⊙ φ′ at n's pre-activation, and
∂L/∂h_{t-1} = (1 - α) λ + δ W_h, as blend.py has it with κ = 1 - α.

What the gradient sees: J_t = (1 - α) I + α diag(φ′) W_h: what passes beside the weights shrinks by
    1 - α a step, a memory of about 1/α steps.

Shapes: x_t (B, D); h (B, H); W_x (H, D), W_h (H, H), b (H,).
Source: Jaeger, Lukoševičius, Popovici & Siewert 2007, Optimization and applications of echo state
    networks with leaky-integrator neurons; α before φ too, as usual since.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import Interval

from engine.activations import Activation
from engine.cells.base import Cell, CellDefinition, CellOptions
from engine.cells.blend import blend
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakyOptions(CellOptions):
    """Options of the leaky cell."""

    purpose: ClassVar[str] = "How fast the state leaks."

    alpha: Annotated[
        float,
        Interval(gt=0, lt=1),
        Doc("Share α of the state that a step replaces by the candidate.", title="α"),
    ] = 0.1


def make(activation: Activation, options: LeakyOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    keep, take = 1.0 - options.alpha, options.alpha
    cell = blend("leaky", activation, keep=keep, take=take)
    return replace(cell, bound=lambda norm: keep + take * activation.gamma * norm)


DEFINITION = CellDefinition(
    name="leaky",
    title="Leaky RNN",
    summary="Each step replaces a fixed share of the state: a slow memory of about 1/α steps, and "
    "a gradient that fades no faster than that leak.",
    equations=("h_t = (1 − α) h_{t−1} + α φ(U x_t + W h_{t−1} + b)",),
    source="Jaeger et al. 2007",
    gates=("h",),
    activation_choice=True,
    default_activation="tanh",
    make=make,
    options=LeakyOptions,
)
