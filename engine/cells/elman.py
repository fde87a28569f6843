"""Simple recurrent network (Elman).

Equations (row vectors):
    a_t = x_t W_xᵀ + h_{t-1} W_hᵀ + b                              (1)
    h_t = φ(a_t)                                                   (2)

Backward, with λ = ∂L/∂h_t coming in:
    δ = λ ⊙ φ′(a_t)                                                (3)
    ∂L/∂h_{t-1} = δ W_h;  ∂L/∂x_t = δ W_x                          (4)
    ∂L/∂W_h = δᵀ h_{t-1};  ∂L/∂W_x = δᵀ x_t;  ∂L/∂b = Σ_b δ        (5)

What the gradient sees: J_t = diag(φ′(a_t)) W_h, [i, j] = ∂h_t[i]/∂h_{t-1}[j].

Shapes: x_t (B, D); h (B, H); W_x (H, D), W_h (H, H), b (H,).
Source: Elman 1990, Finding structure in time, with the output fed back before the read-out;
    the form of torch.nn.RNN.
"""

import numpy as np

from engine.activations import Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, NoOptions, Product, Stage, Views


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`: a_t where h_t goes, h_t, room for φ."""
    return after["h"], after["h"], scratch["room"]


def local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `step_back` takes."""
    return (slopes["a"],)


def adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `step_back` takes and fills."""
    return incoming["h"], deltas["a"]


def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill δ from λ."""
    np.multiply(adjoint[0], local[0], adjoint[1])  # (3)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    slope_of_value = activation.slope_of_value
    halved = activation.apply_halved is not None

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        h: Array = after["h"]
        slope_of_value(h, slopes["a"])

    return Cell(
        name="elman",
        gates=("h",),
        stages=(
            Stage(
                products=(Product(out=("h",), back=("a",)),),
                step=activation.apply_halved or activation.apply,  # (2)
                step_views=step_views,
                local_views=local_views,
                adjoint_views=adjoint_views,
                step_back=step_back,
            ),
        ),
        linearize=linearize,
        activation=activation,
        candidate="h",
        slopes=("a",),
        deltas=("a",),
        scratch=("room",),
        halved=("h",) if halved else (),
    )


DEFINITION = CellDefinition(
    name="elman",
    title="Simple RNN (Elman)",
    summary="One state, one activation: the plainest recurrence, and the one whose gradient is "
    "a bare product of Jacobians.",
    equations=("h_t = φ(U x_t + W h_{t−1} + b)",),
    source="Elman 1990; torch.nn.RNN",
    gates=("h",),
    activation_choice=True,
    default_activation="tanh",
    make=make,
)
