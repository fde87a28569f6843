"""Minimal GRU (minGRU): gate and candidate do not read the state.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    z   = σ(x_t W_xzᵀ + b_z)                                       (1)
    n   = x_t W_xnᵀ + b_n                                          (2)
    h_t = (1 - z) ⊙ h_{t-1} + z ⊙ n                                (3)

Backward, with λ = ∂L/∂h_t coming in:
    δ_z = λ ⊙ (n - h_{t-1}) ⊙ z ⊙ (1 - z)                          (4)
    δ_n = λ ⊙ z                                                    (5)
    ∂L/∂h_{t-1} = λ ⊙ (1 - z);  ∂L/∂x_t = δ_z W_xz + δ_n W_xn      (6)
    ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k                        (7)

What the gradient sees: J_t = diag(1 - z), between 0 and 1: no unit's gradient ever grows, and none
    mixes with another's.

Shapes: x_t (B, D); h (B, H); W_x (2H, D), b (2H,) in the order z, n; there is no W_h.
Source: Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, arXiv:2410.01201, minGRU with the plain
    candidate (2); the paper's log-space form keeps it positive by a function g instead.
"""

from types import MappingProxyType

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import (
    FROM_OUTSIDE,
    ArrayTuple,
    Cell,
    CellDefinition,
    NoOptions,
    Product,
    Stage,
    Views,
)
from engine.cells.slope_product import SlopeProduct
from engine.initializers import KeepGate


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return now["z"], now["n"], now["h"], after["h"]


def step(z: Array, n: Array, h_before: Array, h_after: Array) -> None:
    """Turn the gate's pre-activation into z, in place, and write h_t."""
    np.tanh(z, z)  # (1) from a halved pre-activation
    np.multiply(z, 0.5, z)
    np.add(z, 0.5, z)
    np.subtract(n, h_before, h_after)
    np.multiply(h_after, z, h_after)
    np.add(h_after, h_before, h_after)  # (3) as h_{t-1} + z ⊙ (n − h_{t-1})


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    z, s_h, s_z = now["z"], slopes["h"], slopes["z"]
    np.subtract(1, z, s_h)  # (6)
    np.subtract(now["n"], now["h"], s_z)
    np.multiply(s_z, z, s_z)
    np.multiply(s_z, s_h, s_z)  # (4)
    np.copyto(slopes["n"], z)  # (5)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell; its candidate is linear."""
    back = SlopeProduct("n")
    return Cell(
        name="min_gru",
        gates=("z", "n"),
        stages=(
            Stage(
                products=(Product(out=("z", "n"), back=("z", "n"), reads=FROM_OUTSIDE),),
                step=step,
                step_views=step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["identity"],
        candidate="n",
        tape=("z", "n"),
        slopes=("h", "z", "n"),
        deltas=("h", "z", "n"),
        halved=("z",),
        carries=("h",),
        gain=("h",),
    )


DEFINITION = CellDefinition(
    name="min_gru",
    title="minGRU",
    summary="A GRU whose gate sees the input alone: each unit is a moving average with a rate that "
    "the input sets, and no gradient grows on its way back.",
    equations=(
        "z = σ(U_z x_t + b_z)",
        "h_t = (1 − z) ⊙ h_{t−1} + z ⊙ (U_n x_t + b_n)",
    ),
    source="Feng et al. 2024",
    gates=("z", "n"),
    activation_choice=False,
    default_activation="identity",
    make=make,
    keep_gate=KeepGate(gate="z", sign=-1),
    parameters=MappingProxyType({"weight_ih": "G·H × D", "bias_ih": "G·H"}),
)
