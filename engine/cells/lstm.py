"""Long short-term memory (LSTM) with a forget gate, without peepholes.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    i = σ(x_t W_xiᵀ + h_{t-1} W_hiᵀ + b_i); f, o likewise          (1)
    g = tanh(x_t W_xgᵀ + h_{t-1} W_hgᵀ + b_g)                      (2)
    c_t = f ⊙ c_{t-1} + i ⊙ g                                      (3)
    h_t = o ⊙ tanh(c_t)                                            (4)

Backward, with λ = ∂L/∂h_t and γ = ∂L/∂c_t (from step t+1) coming in:
    δ_o = λ ⊙ tanh(c_t) ⊙ o ⊙ (1 - o)                              (5)
    κ = γ + λ ⊙ o ⊙ (1 - tanh²(c_t)), the total ∂L/∂c_t            (6)
    δ_g = κ ⊙ i ⊙ (1 - g²)                                         (7)
    δ_f = κ ⊙ c_{t-1} ⊙ f ⊙ (1 - f)                                (8)
    δ_i = κ ⊙ g ⊙ i ⊙ (1 - i)                                      (9)
    ∂L/∂c_{t-1} = κ ⊙ f                                            (10)
    ∂L/∂h_{t-1} = Σ_k δ_k W_hk;  ∂L/∂x_t = Σ_k δ_k W_xk            (11)
    ∂L/∂W_hk = δ_kᵀ h_{t-1};  ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k (12)

What the gradient sees: f = 1 hands γ on unchanged along c; the rest passes through W_h.

Shapes: x_t (B, D); h, c (B, H); W_x (4H, D), W_h (4H, H), b (4H,) in the order i, f, g, o.
(5) to (10) are computed in cell_state.py.
Source: Hochreiter & Schmidhuber 1997; forget gate Gers, Schmidhuber & Cummins 2000; gate order
    and form of torch.nn.LSTM.
"""

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, NoOptions, Product, Stage, Views
from engine.cells.cell_state import adjoint_views, linearize, local_views, step_back
from engine.initializers import KeepGate


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return (
        now["g":"o"],
        now["f":"o"],
        now["c":"g"],
        now["f":"i"],
        scratch["cf":"gi"],
        scratch["cf"],
        scratch["gi"],
        after["c"],
        now["tanh_c"],
        now["o"],
        after["h"],
    )


def step(
    gates: Array,
    sigmoids: Array,
    c_and_g: Array,
    f_and_i: Array,
    both: Array,
    c_f: Array,
    g_i: Array,
    c_after: Array,
    tanh_c: Array,
    o: Array,
    h_after: Array,
) -> None:
    """Turn pre-activations into gates, in place, and write c_t and h_t."""
    np.tanh(gates, gates)  # (2), and (1) from halved pre-activations
    np.multiply(sigmoids, 0.5, sigmoids)
    np.add(sigmoids, 0.5, sigmoids)
    np.multiply(c_and_g, f_and_i, both)
    np.add(c_f, g_i, c_after)  # (3)
    np.tanh(c_after, tanh_c)
    np.multiply(o, tanh_c, h_after)  # (4)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    return Cell(
        name="lstm",
        gates=("i", "f", "g", "o"),
        stages=(
            Stage(
                products=(Product(out=("g", "f", "i", "o"), back=("g", "f", "i", "o")),),
                step=step,
                step_views=step_views,
                local_views=local_views,
                adjoint_views=adjoint_views,
                step_back=step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="g",
        states=("h", "c"),
        tape=("c", "g", "f", "i", "o", "tanh_c"),
        slopes=("c", "g", "f", "i", "o", "k"),
        deltas=("c", "g", "f", "i", "o", "k"),
        scratch=("cf", "gi"),
        halved=("f", "i", "o"),
        carries=("c",),
        cell_delta="k",
    )


DEFINITION = CellDefinition(
    name="lstm",
    title="LSTM",
    summary="A second state c with its own path through time, opened and closed by gates: the "
    "classic cure for vanishing gradients.",
    equations=(
        "i, f, o = σ(U x_t + W h_{t−1} + b), each with its own weights",
        "g = tanh(U_g x_t + W_g h_{t−1} + b_g)",
        "c_t = f ⊙ c_{t−1} + i ⊙ g",
        "h_t = o ⊙ tanh(c_t)",
    ),
    source="Hochreiter & Schmidhuber 1997; Gers et al. 2000; torch.nn.LSTM",
    gates=("i", "f", "g", "o"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    keep_gate=KeepGate(gate="f", writes="i"),
)
