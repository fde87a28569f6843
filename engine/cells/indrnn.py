"""Independently recurrent network (IndRNN): every unit reads of the state itself alone.

Equations (⊙ elementwise, row vectors):
    a_t = x_t W_xᵀ + u ⊙ h_{t-1} + b                               (1)
    h_t = φ(a_t)                                                   (2)

Backward, with λ = ∂L/∂h_t coming in:
    δ = λ ⊙ φ′(a_t)                                                (3)
    ∂L/∂h_{t-1} = u ⊙ δ;  ∂L/∂x_t = δ W_x                          (4)
    ∂L/∂u = Σ_b δ ⊙ h_{t-1};  ∂L/∂W_x = δᵀ x_t;  ∂L/∂b = Σ_b δ     (5)

What the gradient sees: J_t = diag(φ′(a_t) ⊙ u): units never mix on the way back through time, and
    each fades or grows at a rate of its own, |u_i| for ReLU units that are on.

Shapes: x_t (B, D); h (B, H); W_x (H, D), u (H,), b (H,).
Source: Li, Li, Cook, Zhu & Gao 2018, arXiv:1803.04831, with ReLU as there; u starts uniform on
    [0, 1]: in the paper on [0, 2^(1/T)], the bound that it keeps |u| under, which is 1 for long T.
"""

from types import MappingProxyType

import numpy as np

from engine.activations import Activation
from engine.arrays import Array
from engine.cells.base import (
    FROM_OUTSIDE,
    ArrayTuple,
    Cell,
    CellDefinition,
    Diagonal,
    NoOptions,
    Product,
    Stage,
    Views,
)
from engine.cells.slope_product import SlopeProduct
from engine.initializers import Start
from engine.initializers.base import Doubles


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`: a_t stands where h_t goes."""
    return now["u"], now["h"], after["h"], scratch["own"], scratch["room"]


def uniform(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw u uniformly on [0, 1]."""
    return rng.uniform(0, 1, shape)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    slope_of_value = activation.slope_of_value
    back = SlopeProduct("a")

    def step(u: Array, h_before: Array, h_after: Array, own: Array, room: Array) -> None:
        np.multiply(h_before, u, own)
        np.add(h_after, own, h_after)  # (1)
        activation.apply(h_after, h_after, room)  # (2)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        slope_of_value(after["h"], slopes["a"])  # (3)
        np.multiply(slopes["a"], now["u"], slopes["h"])  # (4)

    return Cell(
        name="indrnn",
        gates=("h",),
        stages=(
            Stage(
                products=(Product(out=("h",), back=("a",), reads=FROM_OUTSIDE),),
                step=step,
                step_views=step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=activation,
        candidate="h",
        candidate_sum=("u", "h"),
        bound=lambda norm: activation.gamma * norm,
        slopes=("h", "a"),
        deltas=("h", "a"),
        scratch=("own", "room"),
        carries=("h",),
        gain=("h",),
        fed_back_by="u",
        diagonals=MappingProxyType({"u": Diagonal("a", "h")}),
    )


DEFINITION = CellDefinition(
    name="indrnn",
    title="IndRNN",
    summary="Each unit feeds back on itself alone: the gradient of every unit fades or grows at a "
    "rate of its own. u starts uniform on [0, 1], whatever the initializer.",
    equations=("h_t = φ(U x_t + u ⊙ h_{t−1} + b)",),
    source="Li, Li, Cook, Zhu & Gao 2018",
    gates=("h",),
    activation_choice=True,
    default_activation="relu",
    make=make,
    parameters=MappingProxyType({"weight_ih": "H × D", "u": "H", "bias_ih": "H"}),
    own_starts=MappingProxyType({"u": uniform}),
)
