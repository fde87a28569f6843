"""Long expressive memory (LEM): two states, and for every unit two learned time steps.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates; h = y is the output):
    t1  = Δt σ(x_t W_x1ᵀ + h_{t-1} W_h1ᵀ + b_1)                    (1)
    t2  = Δt σ(x_t W_x2ᵀ + h_{t-1} W_h2ᵀ + b_2)                    (2)
    u   = tanh(x_t W_xzᵀ + h_{t-1} W_hzᵀ + b_z)                    (3)
    z_t = (1 - t1) ⊙ z_{t-1} + t1 ⊙ u                              (4)
    v   = tanh(x_t W_xyᵀ + z_t W_hyᵀ + b_y)                        (5)
    h_t = (1 - t2) ⊙ h_{t-1} + t2 ⊙ v                              (6)

Backward, with λ = ∂L/∂h_t and ζ = ∂L/∂z_t (from step t+1) coming in:
    δ_v  = λ ⊙ t2 ⊙ (1 - v²)                                       (7)
    δ_t2 = λ ⊙ (v - h_{t-1}) ⊙ t2 ⊙ (1 - t2/Δt)                    (8)
    κ    = ζ + δ_v W_hy, the total ∂L/∂z_t                         (9)
    δ_u  = κ ⊙ t1 ⊙ (1 - u²)                                       (10)
    δ_t1 = κ ⊙ (u - z_{t-1}) ⊙ t1 ⊙ (1 - t1/Δt)                    (11)
    ∂L/∂h_{t-1} = λ ⊙ (1 - t2) + δ_t1 W_h1 + δ_t2 W_h2 + δ_u W_hz  (12)
    ∂L/∂z_{t-1} = κ ⊙ (1 - t1)                                     (13)
    ∂L/∂x_t = Σ_k δ_k W_xk;  ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k (14)
    ∂L/∂W_hk = δ_kᵀ h_{t-1} for 1, 2, z;  ∂L/∂W_hy = δ_vᵀ z_t      (15)

What the gradient sees: t2 = 0 hands λ on unchanged, t1 = 0 hands ζ on: each unit's memory lasts
    about as many steps as its time step is small.

Shapes: x_t (B, D); h, z (B, H); W_x (4H, D), W_h (4H, H), b (4H,) in the order t1, t2, z, y; the
    block y of W_h acts on z_t, the others on h_{t-1}.
Source: Rusch et al. 2022, arXiv:2110.04744, eq. 3. The authors' code has t2 before t1, and y
    before z among the recurrent blocks.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import (
    ArrayTuple,
    Cell,
    CellDefinition,
    CellOptions,
    GateRows,
    Product,
    Stage,
    Views,
)
from engine.cells.slope_product import SlopeProduct
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class LemOptions(CellOptions):
    """Options of LEM."""

    purpose: ClassVar[str] = "The longest time step that a unit can learn."

    dt: Annotated[
        float, Interval(gt=0, le=10), Doc("Δt: the largest value of both time steps.", title="Δt")
    ] = 1.0


def memory_step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of the memory's step."""
    return (
        now["t2":"u"],
        now["t2":"t1"],
        now["t1"],
        now["u"],
        now["z"],
        now["z_t"],
        after["z"],
    )


def output_step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `output_step`."""
    return now["t2"], now["v"], now["h"], after["h"]


def output_step(t2: Array, v: Array, h_before: Array, h_after: Array) -> None:
    """Turn the pre-activation into the candidate, in place, and write h_t."""
    np.tanh(v, v)  # (5)
    np.subtract(v, h_before, h_after)
    np.multiply(h_after, t2, h_after)
    np.add(h_after, h_before, h_after)  # (6) as h_{t-1} + t2 ⊙ (v − h_{t-1})


def blend_slopes(
    dt: float, share: Array, new: Array, old: Array, slopes: tuple[Array, Array, Array]
) -> None:
    """Fill the derivatives of (1 − share) ⊙ old + share ⊙ new, new a tanh, share a Δt σ.

    Args:
        dt: Δt.
        share: t1 or t2.
        new: u or v.
        old: z_{t−1} or h_{t−1}.
        slopes: Of the share's pre-activation, (8); of the new's, (7); of the old, as in (12).
    """
    of_share, of_new, of_old = slopes
    np.multiply(share, -1 / dt, of_old)
    np.add(of_old, 1, of_old)
    np.multiply(of_old, share, of_old)
    np.subtract(new, old, of_share)
    np.multiply(of_share, of_old, of_share)  # (8), (11)
    np.multiply(new, new, of_new)
    np.subtract(1, of_new, of_new)
    np.multiply(of_new, share, of_new)  # (7), (10)
    np.subtract(1, share, of_old)  # first term of (12), (13)


def memory_local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `memory_step_back` takes."""
    return (slopes["t1":"z"],)


def memory_adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `memory_step_back` takes and fills."""
    return (
        incoming["z"],
        incoming["z_t"],
        deltas["k"],
        deltas["k"][..., None, :, :],
        deltas["t1":"z"],
    )


def memory_step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill what κ makes, δ_v having come back through its product."""
    carried, returned, k, k_each, t1_to_z = adjoint
    np.add(carried, returned, k)  # (9); before the block z is written: it may be the carried one
    np.multiply(k_each, local[0], t1_to_z)  # (10), (11), (13)


def make(activation: Activation, options: LemOptions) -> Cell:
    """Return the cell; its activations are tanh."""
    dt, back = options.dt, SlopeProduct("t2")  # (7), (8), first term of (12)

    def memory_step(
        gates: Array, shares: Array, t1: Array, u: Array, z: Array, z_now: Array, z_after: Array
    ) -> None:
        np.tanh(gates, gates)  # (3), and (1), (2) from halved pre-activations
        np.multiply(shares, 0.5 * dt, shares)
        np.add(shares, 0.5 * dt, shares)
        np.subtract(u, z, z_now)
        np.multiply(z_now, t1, z_now)
        np.add(z_now, z, z_now)  # (4) as z_{t-1} + t1 ⊙ (u − z_{t-1})
        np.copyto(z_after, z_now)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        of_h = slopes["t2"], slopes["v"], slopes["h"]
        of_z = slopes["t1"], slopes["u"], slopes["z"]
        blend_slopes(dt, now["t2"], now["v"], now["h"], of_h)
        blend_slopes(dt, now["t1"], now["u"], now["z"], of_z)

    return Cell(
        name="lem",
        gates=("t1", "t2", "z", "y"),
        stages=(
            Stage(
                products=(Product(out=("t2", "t1", "u"), back=("t2", "t1", "u")),),
                step=memory_step,
                step_views=memory_step_views,
                local_views=memory_local_views,
                adjoint_views=memory_adjoint_views,
                step_back=memory_step_back,
            ),
            Stage(
                products=(Product(out=("v",), back=("v",), reads=("x", "one", "z_t")),),
                step=output_step,
                step_views=output_step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="v",
        inputs=("h", "x", "one", "z_t"),
        lags=MappingProxyType({"z_t": 0}),
        states=("h", "z"),
        tape=("t2", "t1", "u", "v", "z"),
        slopes=("h", "v", "t2", "t1", "u", "z"),
        deltas=("h", "v", "t2", "t1", "u", "z", "k"),
        halved=("t1", "t2"),
        carries=("h", "z"),
        weights=MappingProxyType({"z": GateRows("u", "u", "u"), "y": GateRows("v", "v", "v")}),
    )


DEFINITION = CellDefinition(
    name="lem",
    title="LEM",
    summary="A memory and an output, each replaced at a pace of its own that every unit learns and "
    "gates change: slow units hand their gradient on.",
    equations=(
        "t1, t2 = Δt σ(U x_t + W h_{t−1} + b), each with its own weights",
        "z_t = (1 − t1) ⊙ z_{t−1} + t1 ⊙ tanh(U_z x_t + W_z h_{t−1} + b_z)",
        "h_t = (1 − t2) ⊙ h_{t−1} + t2 ⊙ tanh(U_y x_t + W_y z_t + b_y)",
    ),
    source="Rusch et al. 2022",
    gates=("t1", "t2", "z", "y"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    options=LemOptions,
)
