"""Update gate recurrent network (UGRNN): a GRU without a reset gate.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    g   = σ(x_t W_xgᵀ + h_{t-1} W_hgᵀ + b_g)                       (1)
    c   = tanh(x_t W_xcᵀ + h_{t-1} W_hcᵀ + b_c)                    (2)
    h_t = g ⊙ h_{t-1} + (1 - g) ⊙ c                                (3)

Backward, with λ = ∂L/∂h_t coming in:
    δ_g = λ ⊙ (h_{t-1} - c) ⊙ g ⊙ (1 - g)                          (4)
    δ_c = λ ⊙ (1 - g) ⊙ (1 - c²)                                   (5)
    ∂L/∂h_{t-1} = λ ⊙ g + δ_g W_hg + δ_c W_hc                      (6)
    ∂L/∂x_t = δ_g W_xg + δ_c W_xc                                  (7)
    ∂L/∂W_hk = δ_kᵀ h_{t-1};  ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k (8)

What the gradient sees: g = 1 gives back λ unchanged, all other terms of (6) being 0.

Shapes: x_t (B, D); h (B, H); W_x (2H, D), W_h (2H, H), b (2H,) in the order g, c.
Source: Collins, Sohl-Dickstein & Sussillo 2017, arXiv:1611.09913 (UGRNN); their nonlinearity
    s is tanh here; no constant is added to the gate's pre-activation.
"""

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, NoOptions, Product, Stage, Views
from engine.cells.slope_product import SlopeProduct
from engine.initializers import KeepGate


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return now["g":"c"], now["g"], now["c"], now["h"], after["h"]


def step(both: Array, g: Array, c: Array, h_before: Array, h_after: Array) -> None:
    """Turn pre-activations into gates, in place, and write h_t."""
    np.tanh(both, both)  # (2), and (1) from halved pre-activations
    np.multiply(g, 0.5, g)
    np.add(g, 0.5, g)
    np.subtract(h_before, c, h_after)
    np.multiply(h_after, g, h_after)
    np.add(h_after, c, h_after)  # (3) as c + g ⊙ (h_{t-1} − c)


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    g, c = now["g"], now["c"]
    s_h, s_g, s_c = slopes["h"], slopes["g"], slopes["c"]
    np.subtract(1, g, s_h)
    np.multiply(s_h, g, s_g)
    np.subtract(now["h"], c, s_c)
    np.multiply(s_g, s_c, s_g)  # (4)
    np.multiply(c, c, s_c)
    np.subtract(1, s_c, s_c)
    np.multiply(s_c, s_h, s_c)  # (5)
    np.copyto(s_h, g)  # first term of (6)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    back = SlopeProduct("c")
    return Cell(
        name="ugrnn",
        gates=("g", "c"),
        stages=(
            Stage(
                products=(Product(out=("g", "c"), back=("g", "c")),),
                step=step,
                step_views=step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="c",
        tape=("g", "c"),
        slopes=("h", "g", "c"),
        deltas=("h", "g", "c"),
        halved=("g",),
        carries=("h",),
    )


DEFINITION = CellDefinition(
    name="ugrnn",
    title="UGRNN",
    summary="The smallest gated cell: one update gate decides, unit by unit, between the old state "
    "and a new candidate.",
    equations=(
        "g = σ(U_g x_t + W_g h_{t−1} + b_g)",
        "c = tanh(U_c x_t + W_c h_{t−1} + b_c)",
        "h_t = g ⊙ h_{t−1} + (1 − g) ⊙ c",
    ),
    source="Collins, Sohl-Dickstein & Sussillo 2017",
    gates=("g", "c"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    keep_gate=KeepGate(gate="g"),
)
