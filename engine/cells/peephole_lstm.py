"""LSTM with peepholes: the gates see the cell state, unit by unit.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    i = σ(x_t W_xiᵀ + h_{t-1} W_hiᵀ + p_i ⊙ c_{t-1} + b_i); f likewise (1)
    g = tanh(x_t W_xgᵀ + h_{t-1} W_hgᵀ + b_g)                      (2)
    c_t = f ⊙ c_{t-1} + i ⊙ g                                      (3)
    o = σ(x_t W_xoᵀ + h_{t-1} W_hoᵀ + p_o ⊙ c_t + b_o)             (4)
    h_t = o ⊙ tanh(c_t)                                            (5)

Backward, with λ = ∂L/∂h_t and γ = ∂L/∂c_t (from step t+1) coming in:
    δ_o = λ ⊙ tanh(c_t) ⊙ o ⊙ (1 - o)                              (6)
    κ = γ + λ ⊙ o ⊙ (1 - tanh²(c_t)) + δ_o ⊙ p_o, the total ∂L/∂c_t (7)
    δ_g = κ ⊙ i ⊙ (1 - g²)                                         (8)
    δ_f = κ ⊙ c_{t-1} ⊙ f ⊙ (1 - f);  δ_i = κ ⊙ g ⊙ i ⊙ (1 - i)    (9)
    ∂L/∂c_{t-1} = κ ⊙ f + δ_f ⊙ p_f + δ_i ⊙ p_i                    (10)
    ∂L/∂h_{t-1} = Σ_k δ_k W_hk;  ∂L/∂x_t = Σ_k δ_k W_xk            (11)
    ∂L/∂W_hk = δ_kᵀ h_{t-1};  ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k (12)
    ∂L/∂p_k = Σ_b δ_k ⊙ c_{t-1} for i, f;  ∂L/∂p_o = Σ_b δ_o ⊙ c_t (13)

What the gradient sees: beside f, the carry along c has the peepholes' share of (10). It is the
    exact gradient: the original work cut it at the peepholes.

Shapes: x_t (B, D); h, c (B, H); W_x (4H, D), W_h (4H, H), b (4H,) in the order i, f, g, o; p_i,
    p_f, p_o (H,).
Source: Gers & Schmidhuber 2000, Recurrent nets that time and count; tanh for both squashing
    functions as in Gers, Schraudolph & Schmidhuber 2002.
"""

from types import MappingProxyType

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells import cell_state
from engine.cells.base import (
    PLAIN_PARAMETERS,
    ArrayTuple,
    Cell,
    CellDefinition,
    Diagonal,
    NoOptions,
    Product,
    Stage,
    Views,
)
from engine.initializers import KeepGate, as_bias


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return (
        now["g"],
        now["f":"i"],
        now["p_f":"p_i"],
        now["p_o"],
        now["c":"g"],
        now["c"],
        scratch["cf":"gi"],
        scratch["cf"],
        scratch["gi"],
        after["c"],
        now["tanh_c"],
        now["o"],
        after["h"],
    )


def sigmoid(a: Array) -> None:
    """Replace a by σ(a) = ½ tanh(a/2) + ½, which does not overflow."""
    np.multiply(a, 0.5, a)
    np.tanh(a, a)
    np.multiply(a, 0.5, a)
    np.add(a, 0.5, a)


def step(
    g: Array,
    f_and_i: Array,
    p_f_and_i: Array,
    p_o: Array,
    c_and_g: Array,
    c_before: Array,
    both: Array,
    c_f: Array,
    g_i: Array,
    c_after: Array,
    tanh_c: Array,
    o: Array,
    h_after: Array,
) -> None:
    """Turn pre-activations into gates, in place, and write c_t and h_t."""
    np.multiply(c_before, p_f_and_i, both)
    np.add(f_and_i, both, f_and_i)
    sigmoid(f_and_i)  # (1)
    np.tanh(g, g)  # (2)
    np.multiply(c_and_g, f_and_i, both)
    np.add(c_f, g_i, c_after)  # (3)
    np.multiply(c_after, p_o, c_f)
    np.add(o, c_f, o)
    sigmoid(o)  # (4)
    np.tanh(c_after, tanh_c)
    np.multiply(o, tanh_c, h_after)  # (5)


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps: the LSTM's, and through the peepholes."""
    cell_state.linearize(now, after, slopes)
    room = slopes["room"]
    for gate, peephole, total in (("o", "p_o", "k"), ("f", "p_f", "c"), ("i", "p_i", "c")):
        np.multiply(slopes[gate], now[peephole], room)
        np.add(slopes[total], room, slopes[total])  # (7), (10)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    return Cell(
        name="peephole_lstm",
        gates=("i", "f", "g", "o"),
        stages=(
            Stage(
                products=(Product(out=("g", "f", "i", "o"), back=("g", "f", "i", "o")),),
                step=step,
                step_views=step_views,
                local_views=cell_state.local_views,
                adjoint_views=cell_state.adjoint_views,
                step_back=cell_state.step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="g",
        states=("h", "c"),
        tape=("c", "g", "f", "i", "o", "tanh_c"),
        slopes=("c", "g", "f", "i", "o", "k", "room"),
        deltas=("c", "g", "f", "i", "o", "k"),
        scratch=("cf", "gi"),
        carries=("c",),
        cell_delta="k",
        diagonals=MappingProxyType(
            {
                "p_f": Diagonal("f", "c"),
                "p_i": Diagonal("i", "c"),
                "p_o": Diagonal("o", "c", after=True),
            }
        ),
    )


DEFINITION = CellDefinition(
    name="peephole_lstm",
    title="LSTM with peepholes",
    summary="An LSTM whose gates also read the cell state, each unit its own: it can count and "
    "time, even while its output is closed.",
    equations=(
        "i, f = σ(U x_t + W h_{t−1} + p ⊙ c_{t−1} + b), each with its own weights",
        "g = tanh(U_g x_t + W_g h_{t−1} + b_g)",
        "c_t = f ⊙ c_{t−1} + i ⊙ g",
        "o = σ(U_o x_t + W_o h_{t−1} + p_o ⊙ c_t + b_o)",
        "h_t = o ⊙ tanh(c_t)",
    ),
    source="Gers & Schmidhuber 2000; Gers et al. 2002",
    gates=("i", "f", "g", "o"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    parameters=MappingProxyType({**PLAIN_PARAMETERS, "p_i": "H", "p_f": "H", "p_o": "H"}),
    keep_gate=KeepGate(gate="f", writes="i"),
    own_starts=MappingProxyType(dict.fromkeys(("p_i", "p_f", "p_o"), as_bias)),
)
