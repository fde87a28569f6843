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

from engine.activations import Activation
from engine.cells.activated import activated
from engine.cells.base import Cell, CellDefinition, NoOptions


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell with φ = `activation`."""
    return activated("elman", activation)


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
