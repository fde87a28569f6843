"""One product and one activation: the form of several cells.

Equations (row vectors; s_{t-1} are the states that the product reads, W_s their weights):
    a_t = x_t W_xᵀ + s_{t-1} W_sᵀ + b                              (1)
    h_t = φ(a_t)                                                   (2)

Backward, with λ = ∂L/∂h_t coming in:
    δ = λ ⊙ φ′(a_t)                                                (3)
    ∂L/∂s_{t-1} = δ W_s;  ∂L/∂x_t = δ W_x                          (4)
"""

import numpy as np

from engine.activations import Activation
from engine.arrays import Array
from engine.cells.base import FROM_OUTSIDE, ArrayTuple, Cell, Product, Stage, Views


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


def activated(name: str, activation: Activation, states: tuple[str, ...] = ("h",)) -> Cell:
    """Return a cell with the step (1), (2).

    Args:
        name: The cell's name.
        activation: φ.
        states: Blocks of the inputs that the product reads beside x and 1.
    """
    slope_of_value = activation.slope_of_value
    inputs = (*states, *FROM_OUTSIDE)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        h: Array = after["h"]
        slope_of_value(h, slopes["a"])

    return Cell(
        name=name,
        gates=("h",),
        stages=(
            Stage(
                products=(Product(out=("h",), back=("a",), reads=inputs),),  # (1), (4)
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
        bound=(lambda norm: activation.gamma * norm) if states == ("h",) else None,
        inputs=inputs,
        slopes=("a",),
        deltas=("a",),
        scratch=("room",),
        halved=("h",) if activation.apply_halved else (),
    )
