"""Recurrent network whose state is the pre-activation.

Equations (row vectors):
    h_t = φ(h_{t-1}) W_hᵀ + x_t W_xᵀ + b                           (1)
    p_t = φ(h_t), read by the read-out, the next layer and step t+1 (2)

Backward, with π = ∂L/∂p_t coming in:
    λ = ∂L/∂h_t = π ⊙ φ′(h_t)                                      (3)
    ∂L/∂p_{t-1} = λ W_h;  ∂L/∂x_t = λ W_x                          (4)
    ∂L/∂W_h = λᵀ p_{t-1};  ∂L/∂W_x = λᵀ x_t;  ∂L/∂b = Σ_b λ        (5)

What the gradient sees: J_t = W_h diag(φ′(h_{t-1})): the derivative is taken at the state before,
    so the same network as `elman`, cut one half step earlier.

Shapes: x_t (B, D); h, p (B, H); W_x (H, D), W_h (H, H), b (H,).
Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, equation 2.
"""

import numpy as np

from engine.activations import Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, NoOptions, Product, Stage, Views


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`: h_t, p_t, room for φ."""
    return now["h"], after["p"], scratch["room"]


def local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `step_back` takes."""
    return (slopes["state"],)


def adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `step_back` takes and fills."""
    return incoming["p"], deltas["state"]


def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill λ from π."""
    np.multiply(adjoint[0], local[0], adjoint[1])  # (3)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    slope_of_value = activation.slope_of_value

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        p: Array = after["p"]
        slope_of_value(p, slopes["state"])

    return Cell(
        name="preactivation",
        gates=("h",),
        stages=(
            Stage(
                products=(Product(out=("h",), back=("state",), reads=("p", "x", "one")),),
                step=activation.apply,  # (2)
                step_views=step_views,
                local_views=local_views,
                adjoint_views=adjoint_views,
                step_back=step_back,
            ),
        ),
        linearize=linearize,
        activation=activation,
        candidate="p",
        bound=lambda norm: activation.gamma * norm,
        output="p",
        inputs=("p", "x", "one"),
        tape=("h",),
        slopes=("state",),
        deltas=("state",),
        scratch=("room",),
        state_delta="state",
    )


DEFINITION = CellDefinition(
    name="preactivation",
    title="Pre-activation RNN",
    summary="The state is what stands before φ: the form in which the product of Jacobians is "
    "usually derived.",
    equations=("h_t = W φ(h_{t−1}) + U x_t + b", "read out from φ(h_t)"),
    source="Pascanu, Mikolov & Bengio 2013, eq. 2",
    gates=("h",),
    activation_choice=True,
    default_activation="tanh",
    make=make,
)
