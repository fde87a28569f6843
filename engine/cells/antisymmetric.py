"""Antisymmetric recurrent network: small steps of a stable flow, with or without a gate.

Equations (row vectors, ε step, γ diffusion; M the stored weight_hh):
    W_h = M - Mᵀ - γ I                                             (1)
    n   = tanh(x_t W_xhᵀ + h_{t-1} W_hᵀ + b_h)                     (2)
    h_t = h_{t-1} + ε n, and gated                                 (3)
    z   = σ(x_t W_xzᵀ + h_{t-1} W_hᵀ + b_z), with the same W_h     (4)
    h_t = h_{t-1} + ε z ⊙ n                                        (5)

Backward, with λ = ∂L/∂h_t coming in (z = 1 where there is no gate):
    δ_n = ε λ ⊙ z ⊙ (1 - n²)                                       (6)
    δ_z = ε λ ⊙ n ⊙ z ⊙ (1 - z)                                    (7)
    ∂L/∂h_{t-1} = λ + (δ_n + δ_z) W_h                              (8)
    ∂L/∂x_t = δ_n W_xh + δ_z W_xz                                  (9)
    ∂L/∂W_h = (δ_n + δ_z)ᵀ h_{t-1} and ∂L/∂M = ∂L/∂W_h - (∂L/∂W_h)ᵀ (10)

What the gradient sees: J_t = I + ε diag(1 - n²) W_h without a gate: near the identity, and as M
    - Mᵀ has imaginary eigenvalues alone, to first order in ε neither shrinking nor growing but
    for γ, which makes up for what Euler's steps add.

Shapes: x_t (B, D); h (B, H); W_x (H, D) or (2H, D), weight_hh (H, H), b (H,) or (2H,), with a gate
    in the order z, h.
Source: Chang, Chen, Haber & Chi 2019, arXiv:1902.09689 (AntisymmetricRNN and its gated form).
"""

from dataclasses import dataclass, replace
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
    CellVariant,
    GateRows,
    Product,
    Stage,
    Views,
)
from engine.cells.blend import blend
from engine.cells.slope_product import SlopeProduct
from engine.cells.weight_maps import antisymmetric
from engine.schema import Doc

PARAMETERS = MappingProxyType({"weight_ih": "G·H × D", "weight_hh": "H × H", "bias_ih": "G·H"})


@dataclass(frozen=True, kw_only=True, slots=True)
class AntisymmetricOptions(CellOptions):
    """Options of the antisymmetric cell."""

    purpose: ClassVar[str] = "The step, its damping, and whether a gate scales it."

    gated: Annotated[bool, Doc("Whether a gate z scales each unit's step.")] = False
    epsilon: Annotated[
        float, Interval(gt=0, le=10), Doc("Step ε of Euler's method.", title="ε")
    ] = 0.01
    gamma: Annotated[
        float,
        Interval(ge=0, le=10),
        Doc("Diffusion γ: subtracted from the diagonal, against growth.", title="γ"),
    ] = 0.01


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of the gated `step`."""
    return now["z":"n"], now["z"], now["n"], now["h"], after["h"]


def gated(epsilon: float) -> Cell:
    """Return the gated cell, its weights not yet a function of M."""
    back = SlopeProduct("n")

    def step(both: Array, z: Array, n: Array, h_before: Array, h_after: Array) -> None:
        np.tanh(both, both)  # (2), and (4) from halved pre-activations
        np.multiply(z, 0.5, z)
        np.add(z, 0.5, z)
        np.multiply(z, n, h_after)
        np.multiply(h_after, epsilon, h_after)
        np.add(h_after, h_before, h_after)  # (5)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        z, n = now["z"], now["n"]
        s_z, s_n = slopes["z"], slopes["n"]
        np.multiply(z, epsilon, s_z)
        np.multiply(n, n, s_n)
        np.subtract(1, s_n, s_n)
        np.multiply(s_n, s_z, s_n)  # (6)
        np.multiply(s_z, n, s_z)
        np.multiply(s_z, 1 - z, s_z)  # (7)
        slopes["h"].fill(1)  # first term of (8)

    return Cell(
        name="antisymmetric",
        gates=("z", "h"),
        stages=(
            Stage(
                products=(Product(out=("z", "n"), back=("z", "n")),),
                step=step,
                step_views=step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="n",
        tape=("z", "n"),
        slopes=("h", "z", "n"),
        deltas=("h", "z", "n"),
        halved=("z",),
        carries=("h",),
        weights=MappingProxyType({"h": GateRows("n", "n", "n")}),
    )


def make(activation: Activation, options: AntisymmetricOptions) -> Cell:
    """Return the cell; its activation is tanh."""
    if options.gated:
        cell = gated(options.epsilon)
    else:
        cell = blend("antisymmetric", ACTIVATIONS["tanh"], keep=1.0, take=options.epsilon)
    return replace(cell, weight_map=antisymmetric(options.gamma))


DEFINITION = CellDefinition(
    name="antisymmetric",
    title="Antisymmetric RNN",
    summary="Small steps along a flow that neither grows nor fades: the recurrent weights are "
    "antisymmetric but for a little damping. With `gated` a second gate, z, stands before h.",
    equations=(
        "h_t = h_{t−1} + ε z ⊙ tanh((M − Mᵀ − γ I) h_{t−1} + U x_t + b)",
        "z = 1, or gated: z = σ((M − Mᵀ − γ I) h_{t−1} + U_z x_t + b_z)",
    ),
    source="Chang, Chen, Haber & Chi 2019",
    gates=("h",),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    options=AntisymmetricOptions,
    parameters=PARAMETERS,
    variants=(CellVariant(MappingProxyType({"gated": True}), ("z", "h"), PARAMETERS),),
)
