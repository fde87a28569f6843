"""JANET: an LSTM that has kept its forget gate alone.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    s   = x_t W_xfᵀ + h_{t-1} W_hfᵀ + b_f                          (1)
    f   = σ(s);  k = 1 - σ(s - β) = σ(β - s)                       (2)
    c̃   = tanh(x_t W_xcᵀ + h_{t-1} W_hcᵀ + b_c)                    (3)
    h_t = f ⊙ h_{t-1} + k ⊙ c̃                                      (4)

Backward, with λ = ∂L/∂h_t coming in:
    δ_f = λ ⊙ (h_{t-1} ⊙ f ⊙ (1 - f) - c̃ ⊙ k ⊙ (1 - k))            (5)
    δ_c = λ ⊙ k ⊙ (1 - c̃²)                                         (6)
    ∂L/∂h_{t-1} = λ ⊙ f + δ_f W_hf + δ_c W_hc                      (7)
    ∂L/∂x_t = δ_f W_xf + δ_c W_xc                                  (8)
    ∂L/∂W_hj = δ_jᵀ h_{t-1};  ∂L/∂W_xj = δ_jᵀ x_t;  ∂L/∂b_j = Σ_b δ_j (9)

What the gradient sees: f = 1 gives back λ unchanged; β > 0 lets more of the candidate in than was
    forgotten, so that the sum of both shares is above 1.

Shapes: x_t (B, D); h (B, H); W_x (2H, D), W_h (2H, H), b (2H,) in the order f, c.
Source: van der Westhuizen & Lasenby 2018, arXiv:1804.04849: the paper's c_t, which is also its
    output, is h_t here; β = 1 as there, beside biases from the chrono initializer.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, CellOptions, Product, Stage, Views
from engine.cells.slope_product import SlopeProduct
from engine.initializers import KeepGate
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class JanetOptions(CellOptions):
    """Options of JANET."""

    purpose: ClassVar[str] = "How far what comes in is ahead of what is forgotten."

    beta: Annotated[
        float,
        Interval(ge=-100, le=100),
        Doc("β: the input's share is 1 − σ(s − β), the state's σ(s).", title="β"),
    ] = 1.0


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return (
        now["c":"k"],
        now["f":"k"],
        now["c"],
        now["f"],
        now["k"],
        now["h"],
        after["h"],
        scratch["kept"],
    )


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    c, f, k = now["c"], now["f"], now["k"]
    s_h, s_c, s_f = slopes["h"], slopes["c"], slopes["f"]
    np.subtract(1, k, s_c)
    np.multiply(s_c, k, s_c)
    np.multiply(s_c, c, s_c)
    np.subtract(1, f, s_f)
    np.multiply(s_f, f, s_f)
    np.multiply(s_f, now["h"], s_f)
    np.subtract(s_f, s_c, s_f)  # (5)
    np.multiply(c, c, s_c)
    np.subtract(1, s_c, s_c)
    np.multiply(s_c, k, s_c)  # (6)
    np.copyto(s_h, f)  # first term of (7)


def make(activation: Activation, options: JanetOptions) -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    half_beta = 0.5 * options.beta
    back = SlopeProduct("f")

    def step(
        every: Array,
        shares: Array,
        c: Array,
        f: Array,
        k: Array,
        h_before: Array,
        h_after: Array,
        kept: Array,
    ) -> None:
        np.subtract(half_beta, f, k)  # half of β − s, as f still holds half of s
        np.tanh(every, every)  # (3)
        np.multiply(shares, 0.5, shares)
        np.add(shares, 0.5, shares)  # (2)
        np.multiply(f, h_before, kept)
        np.multiply(k, c, h_after)
        np.add(h_after, kept, h_after)  # (4)

    return Cell(
        name="janet",
        gates=("f", "c"),
        stages=(
            Stage(
                products=(Product(out=("c", "f"), back=("c", "f")),),
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
        tape=("c", "f", "k"),
        slopes=("h", "c", "f"),
        deltas=("h", "c", "f"),
        scratch=("kept",),
        halved=("f",),
        carries=("h",),
    )


DEFINITION = CellDefinition(
    name="janet",
    title="JANET",
    summary="One state and one forget gate: what an LSTM can do with the forget gate alone.",
    equations=(
        "s = U_f x_t + W_f h_{t−1} + b_f",
        "c̃ = tanh(U_c x_t + W_c h_{t−1} + b_c)",
        "h_t = σ(s) ⊙ h_{t−1} + (1 − σ(s − β)) ⊙ c̃",
    ),
    source="van der Westhuizen & Lasenby 2018",
    gates=("f", "c"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    keep_gate=KeepGate(gate="f"),
    options=JanetOptions,
)
