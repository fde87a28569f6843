"""Coupled oscillatory recurrent network (coRNN): every unit a damped, driven oscillator.

Equations (row vectors; h = y is the position, z the velocity; damping explicit):
    a_t = x_t W_xᵀ + h_{t-1} W_hᵀ + z_{t-1} W_zᵀ + b               (1)
    z_t = z_{t-1} + Δt (tanh(a_t) - γ h_{t-1} - ε z_{t-1})         (2)
    h_t = h_{t-1} + Δt z_t                                         (3)

Backward, with λ = ∂L/∂h_t and ζ = ∂L/∂z_t (from step t+1) coming in:
    κ = ζ + Δt λ, the total ∂L/∂z_t                                (4)
    δ = Δt κ ⊙ (1 - tanh²(a_t))                                    (5)
    ∂L/∂h_{t-1} = λ - Δt γ κ + δ W_h                               (6)
    ∂L/∂z_{t-1} = (1 - Δt ε) κ + δ W_z                             (7)
    ∂L/∂x_t = δ W_x;  ∂L/∂W_x = δᵀ x_t;  ∂L/∂b = Σ_b δ             (8)
    ∂L/∂W_h = δᵀ h_{t-1};  ∂L/∂W_z = δᵀ z_{t-1}                    (9)

What the gradient sees: with Δt small J_t is the identity but for terms of Δt: it neither grows nor
    shrinks fast.

Shapes: x_t (B, D); h, z (B, H); W_x (H, D), W_h and W_z (H, H), b (H,).
Source: Rusch & Mishra 2021, arXiv:2010.00951, eq. 3, where the damped velocity may be the old or
    the new one: here the old one, as in the authors' code, whose defaults for the digits are ours.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import (
    PLAIN_PARAMETERS,
    ArrayTuple,
    Cell,
    CellDefinition,
    CellOptions,
    GateRows,
    Product,
    Stage,
    Views,
)
from engine.initializers import as_recurrent
from engine.schema import Doc

READS = ("h", "z", "x", "one")


@dataclass(frozen=True, kw_only=True, slots=True)
class CornnOptions(CellOptions):
    """Options of the coRNN."""

    purpose: ClassVar[str] = "Step, frequency and damping of the oscillators."

    dt: Annotated[
        float, Interval(gt=0, le=10), Doc("Δt: the time that one step stands for.", title="Δt")
    ] = 0.042
    gamma: Annotated[
        float, Interval(ge=0, le=1000), Doc("γ: what pulls a unit back to zero.", title="γ")
    ] = 2.7
    epsilon: Annotated[
        float, Interval(ge=0, le=1000), Doc("ε: what damps a unit's velocity.", title="ε")
    ] = 4.7


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return now["a"], now["h"], now["z"], after["h"], after["z"], scratch["room"]


def local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `step_back` takes."""
    return (slopes["a"],)


def adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `step_back` takes and fills."""
    return incoming["h"], incoming["z"], deltas["k"], deltas["a"], deltas["h"], deltas["z"]


def make(activation: Activation, options: CornnOptions) -> Cell:
    """Return the cell; its activation is tanh."""
    dt, pull, damping = options.dt, options.dt * options.gamma, options.dt * options.epsilon

    def step(a: Array, h: Array, z: Array, h_after: Array, z_after: Array, room: Array) -> None:
        np.tanh(a, a)
        np.multiply(a, dt, z_after)
        np.multiply(z, 1 - damping, room)
        np.add(z_after, room, z_after)
        np.multiply(h, pull, room)
        np.subtract(z_after, room, z_after)  # (2)
        np.multiply(z_after, dt, room)
        np.add(h, room, h_after)  # (3)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        s_a = slopes["a"]
        np.multiply(now["a"], now["a"], s_a)
        np.subtract(1, s_a, s_a)
        np.multiply(s_a, dt, s_a)  # (5)

    def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
        h, z, k, a, from_h, from_z = adjoint
        np.multiply(h, dt, k)
        np.add(k, z, k)  # (4)
        np.multiply(k, local[0], a)  # (5)
        np.multiply(k, -pull, from_h)
        np.add(from_h, h, from_h)  # first terms of (6)
        np.multiply(k, 1 - damping, from_z)  # first term of (7)

    return Cell(
        name="cornn",
        gates=("h",),
        stages=(
            Stage(
                products=(Product(out=("a",), back=("a",), reads=READS),),
                step=step,
                step_views=step_views,
                local_views=local_views,
                adjoint_views=adjoint_views,
                step_back=step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="a",
        inputs=READS,
        states=("h", "z"),
        tape=("a",),
        slopes=("a",),
        deltas=("h", "z", "a", "k"),
        scratch=("room",),
        carries=("h", "z"),
        weights=MappingProxyType({"h": GateRows("a", "a", "a")}),
        matrices=MappingProxyType({"W_z": ("a", "z")}),
    )


DEFINITION = CellDefinition(
    name="cornn",
    title="coRNN",
    summary="Every unit is a damped oscillator that the others drive: two states, and a Jacobian "
    "near the identity where the time step is small.",
    equations=(
        "z_t = z_{t−1} + Δt (tanh(U x_t + W h_{t−1} + W_z z_{t−1} + b) − γ h_{t−1} − ε z_{t−1})",
        "h_t = h_{t−1} + Δt z_t",
    ),
    source="Rusch & Mishra 2021",
    gates=("h",),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    options=CornnOptions,
    parameters=MappingProxyType({**PLAIN_PARAMETERS, "W_z": "H × H"}),
    own_starts=MappingProxyType({"W_z": as_recurrent}),
)
