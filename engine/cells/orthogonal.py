"""Recurrent network whose recurrent matrix stays orthogonal.

Equations (row vectors; A the strictly lower triangle of the stored weight_hh, S = A - Aᵀ):
    W_h = exp(S), or the Cayley map (I - S)⁻¹ (I + S)              (1)
    h_t = φ(x_t W_xᵀ + h_{t-1} W_hᵀ + b)                           (2)

Backward, with λ = ∂L/∂h_t coming in: δ and ∂L/∂h_{t-1} as activated.py has them, and
    ∂L/∂A from ∂L/∂W_h = Σ δᵀ h_{t-1} as weight_maps.py has it     (3)

What the gradient sees: J_t = diag(φ′(a_t)) W_h with all singular values of W_h one: the weights
    neither shrink nor grow λ, the slopes alone do.

Start: 2 × 2 blocks of S on the diagonal, each a rotation by an angle θ of its own: for the
    exponential uniform on ±π, entry θ; for the Cayley map uniform on [0, π/2], entry tan(θ/2). An
    odd last unit starts with W = 1.

Shapes: x_t (B, D); h (B, H); W_x (H, D), weight_hh (H, H), b (H,). Entries of weight_hh on and
    above the diagonal are not read and have no gradient.
Source: Lezcano-Casado & Martínez-Rubio 2019, arXiv:1901.08428 (exponential, in the initial form
    exp(S) that its section 4 calls expRNN); Helfrich, Willmott & Ye 2018, arXiv:1707.09520
    (Cayley: (I + S)⁻¹ (I - S) D there, here at -S and without the diagonal D of ±1, so that the
    determinant is 1); starts by Henaff, Szlam & LeCun 2016, arXiv:1602.06662, and by Helfrich.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np

from engine.activations import Activation
from engine.cells.activated import activated
from engine.cells.base import Cell, CellDefinition, CellOptions
from engine.cells.weight_maps import cayley, exponential
from engine.initializers import Start
from engine.initializers.base import Doubles
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class OrthogonalOptions(CellOptions):
    """Options of the orthogonal cell."""

    purpose: ClassVar[str] = "How the orthogonal matrix is made of the stored parameter."

    map: Annotated[
        Literal["exponential", "cayley"],
        Doc(
            "W = exp(S), which reaches every rotation, or (I − S)⁻¹(I + S), which is cheaper and "
            "reaches all without the eigenvalue −1."
        ),
    ] = "exponential"


def rotations(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw a parameter whose S rotates pairs of units, each by an angle of its own."""
    stored = np.zeros(shape)
    pairs = shape[0] // 2
    if isinstance(start.options, OrthogonalOptions) and start.options.map == "cayley":
        entries = np.tan(rng.uniform(0, np.pi / 2, pairs) / 2)
    else:
        entries = rng.uniform(-np.pi, np.pi, pairs)
    second = 2 * np.arange(pairs) + 1
    stored[second, second - 1] = entries
    return stored


def make(activation: Activation, options: OrthogonalOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    weight_map = cayley if options.map == "cayley" else exponential
    return replace(activated("orthogonal", activation), weight_map=weight_map)


DEFINITION = CellDefinition(
    name="orthogonal",
    title="Orthogonal RNN",
    summary="A simple RNN whose recurrent matrix is a rotation at every training step: only the "
    "activation's slope changes a gradient's size. Starts as rotations of pairs of units, by "
    "angles uniform on ±π (exponential map) or 0 to π/2 (Cayley map), whatever the initializer.",
    equations=(
        "h_t = φ(U x_t + W h_{t−1} + b), WᵀW = I",
        "W = exp(A − Aᵀ), or (I − S)⁻¹(I + S) with S = A − Aᵀ",
    ),
    source="Lezcano-Casado & Martínez-Rubio 2019; Helfrich et al. 2018; start: Henaff et al. 2016",
    gates=("h",),
    activation_choice=True,
    default_activation="tanh",
    make=make,
    options=OrthogonalOptions,
    own_starts=MappingProxyType({"weight_hh": rotations}),
)
