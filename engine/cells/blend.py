"""A fixed blend of state and candidate: the form of several cells.

Equations (row vectors; κ and α are constants of the cell):
    a_t = x_t W_xᵀ + h_{t-1} W_hᵀ + b                              (1)
    n   = φ(a_t)                                                   (2)
    h_t = κ h_{t-1} + α n                                          (3)

Backward, with λ = ∂L/∂h_t coming in:
    δ = α λ ⊙ φ′(a_t)                                              (4)
    ∂L/∂h_{t-1} = κ λ + δ W_h;  ∂L/∂x_t = δ W_x                    (5)
"""

from types import MappingProxyType

import numpy as np

from engine.activations import Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, GateRows, Product, Stage, Views
from engine.cells.slope_product import SlopeProduct


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return now["n"], now["h"], after["h"], scratch["kept"], scratch["room"]


def blend(name: str, activation: Activation, *, keep: float, take: float) -> Cell:
    """Return a cell with the step (3).

    Args:
        name: The cell's name.
        activation: φ.
        keep: κ, the factor of h_{t−1}.
        take: α, the factor of the candidate.
    """
    apply = activation.apply_halved or activation.apply
    slope_of_value = activation.slope_of_value
    back = SlopeProduct("n")  # (4), first term of (5)

    def step(n: Array, h_before: Array, h_after: Array, kept: Array, room: Array) -> None:
        apply(n, n, room)  # (2)
        np.multiply(n, take, h_after)
        np.multiply(h_before, keep, kept)
        np.add(h_after, kept, h_after)  # (3)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        s_n = slopes["n"]
        slope_of_value(now["n"], s_n)
        np.multiply(s_n, take, s_n)  # (4)
        slopes["h"].fill(keep)  # first term of (5)

    return Cell(
        name=name,
        gates=("h",),
        stages=(
            Stage(
                products=(Product(out=("n",), back=("n",)),),
                step=step,
                step_views=step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=activation,
        candidate="n",
        tape=("n",),
        slopes=("h", "n"),
        deltas=("h", "n"),
        scratch=("kept", "room"),
        halved=("n",) if activation.apply_halved else (),
        carries=("h",),
        weights=MappingProxyType({"h": GateRows("n", "n", "n")}),
    )
