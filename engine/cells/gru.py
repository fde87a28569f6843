"""Gated recurrent unit (GRU), reset gate after the recurrent product.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    r   = σ(x_t W_xrᵀ + h_{t-1} W_hrᵀ + b_r)                      (1)
    z   = σ(x_t W_xzᵀ + h_{t-1} W_hzᵀ + b_z)                      (2)
    q   = h_{t-1} W_hnᵀ + b_hn                                     (3)
    n   = tanh(x_t W_xnᵀ + b_n + r ⊙ q)                            (4)
    h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}                                (5)

Backward, with λ = ∂L/∂h_t coming in:
    δ_n = λ ⊙ (1 - z) ⊙ (1 - n²)                                   (6)
    δ_z = λ ⊙ (h_{t-1} - n) ⊙ z ⊙ (1 - z)                          (7)
    δ_r = δ_n ⊙ q ⊙ r ⊙ (1 - r)                                    (8)
    ∂L/∂h_{t-1} = λ ⊙ z + δ_r W_hr + δ_z W_hz + (δ_n ⊙ r) W_hn      (9)
    ∂L/∂x_t     = δ_r W_xr + δ_z W_xz + δ_n W_xn                    (10)
    ∂L/∂W_hk = δ_kᵀ h_{t-1} for r, z;  (δ_n ⊙ r)ᵀ h_{t-1} for n     (11)
    ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k;  ∂L/∂b_hn = Σ_b δ_n ⊙ r (12)

What the gradient sees: z = 1 gives back λ unchanged, all other terms of (9) being 0;
    r = 0 cuts the candidate's two terms, δ_r W_hr and (δ_n ⊙ r) W_hn.

Shapes: x_t (B, D); h (B, H); W_x (3H, D), W_h (3H, H), b (3H,) in the order r, z, n; b_hn (H,).
Source: Cho et al. 2014, arXiv:1406.1078; reset placement as in cuDNN and torch.nn.GRU. Differs
    from Chung et al. 2014 (reset before the product, z writes). The option `reset` "before" is
    the cell of reset_before.py.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import (
    PLAIN_PARAMETERS,
    ArrayTuple,
    Cell,
    CellDefinition,
    CellOptions,
    CellVariant,
    GateRows,
    Product,
    Stage,
    Views,
)
from engine.cells.reset_before import gru_with_reset_before
from engine.initializers import KeepGate
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class GruOptions(CellOptions):
    """Options of the GRU."""

    purpose: ClassVar[str] = "Where the reset gate acts."

    reset: Annotated[
        Literal["after", "before"],
        Doc(
            "Whether r multiplies the recurrent product, as in PyTorch and cuDNN, or the state "
            "before it, as first published; then there is no second bias.",
        ),
    ] = "after"


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return now["r":"z"], now["r"], now["q"], now["n"], now["z"], now["h"], after["h"]


def step(
    sigmoids: Array, r: Array, q: Array, n: Array, z: Array, h_before: Array, h_after: Array
) -> None:
    """Turn pre-activations into gates, in place, and write h_t."""
    np.tanh(sigmoids, sigmoids)  # (1), (2) from halved pre-activations
    np.multiply(sigmoids, 0.5, sigmoids)
    np.add(sigmoids, 0.5, sigmoids)
    np.multiply(r, q, h_after)
    np.add(n, h_after, n)
    np.tanh(n, n)  # (4)
    np.subtract(h_before, n, h_after)
    np.multiply(h_after, z, h_after)
    np.add(h_after, n, h_after)  # (5) as n + z ⊙ (h_{t-1} − n)


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    r, z, n = now["r"], now["z"], now["n"]
    s_n, s_q, s_r, s_z = slopes["n"], slopes["q"], slopes["r"], slopes["z"]
    np.multiply(n, n, s_n)
    np.subtract(1, s_n, s_n)
    np.subtract(1, z, s_z)
    np.multiply(s_n, s_z, s_n)  # (6)
    np.multiply(s_z, z, s_z)
    np.subtract(now["h"], n, s_q)
    np.multiply(s_z, s_q, s_z)  # (7)
    np.subtract(1, r, s_r)
    np.multiply(s_n, r, s_q)  # δ_n ⊙ r of (9), (11), (12)
    np.multiply(s_r, s_q, s_r)
    np.multiply(s_r, now["q"], s_r)  # (8)
    np.copyto(slopes["h"], z)  # first term of (9)


def local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `step_back` takes."""
    return (slopes["h":"z"],)


def adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `step_back` takes and fills."""
    return incoming["h"][..., None, :, :], deltas["h":"z"]


def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill the deltas and the carried part of ∂L/∂h_{t-1} from ∂L/∂h_t."""
    np.multiply(adjoint[0], local[0], adjoint[1])  # (6) to (8), first term of (9)


def make(activation: Activation, options: GruOptions) -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    if options.reset == "before":
        return gru_with_reset_before()
    return Cell(
        name="gru",
        gates=("r", "z", "n"),
        stages=(
            Stage(
                products=(
                    Product(
                        out=("q", "r", "z"), back=("q", "r", "z"), closed=frozenset({("q", "x")})
                    ),  # (1) to (3)
                    Product(
                        out=("n",), back=("n",), reads=("x", "one")
                    ),  # the input's share of (4)
                ),
                step=step,
                step_views=step_views,
                local_views=local_views,
                adjoint_views=adjoint_views,
                step_back=step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="n",
        candidate_sum=("r", "q"),
        tape=("n", "q", "r", "z"),
        slopes=("h", "n", "q", "r", "z"),
        deltas=("h", "n", "q", "r", "z"),
        halved=("r", "z"),
        carries=("h",),
        weights=MappingProxyType({"n": GateRows(x="n", h="q", b="n", second_bias="q")}),
    )


DEFINITION = CellDefinition(
    name="gru",
    title="GRU",
    summary="One state with an update gate that can hand it on unchanged, and a reset gate.",
    equations=(
        "r, z = σ(U x_t + W h_{t−1} + b), each with its own weights",
        "n = tanh(U_n x_t + b_n + r ⊙ (W_n h_{t−1} + b_hn))",
        "h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}",
    ),
    source="Cho et al. 2014; torch.nn.GRU",
    gates=("r", "z", "n"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    options=GruOptions,
    keep_gate=KeepGate(gate="z"),
    parameters=MappingProxyType(
        {"weight_ih": "3H × D", "weight_hh": "3H × H", "bias_ih": "3H", "bias_hh": "3H"}
    ),
    variants=(
        CellVariant(MappingProxyType({"reset": "before"}), ("r", "z", "n"), PLAIN_PARAMETERS),
    ),
)
