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
Source: Hochreiter & Schmidhuber 1997; forget gate Gers, Schmidhuber & Cummins 2000; gate order
    and form of torch.nn.LSTM.
"""

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, NoOptions, Product, Stage, Views
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


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    f_and_i, from_both = now["f":"i"], slopes["f":"i"]
    np.multiply(now["c":"g"], f_and_i, slopes["c":"g"])  # c_{t-1} ⊙ f, g ⊙ i
    np.subtract(1, f_and_i, from_both)
    np.multiply(from_both, slopes["c":"g"], from_both)  # (8), (9)
    np.multiply(now["g"], slopes["g"], slopes["g"])
    np.subtract(now["i"], slopes["g"], slopes["g"])  # (7) as i − g ⊙ (g ⊙ i)
    np.copyto(slopes["c"], now["f"])  # (10)
    h = after["h"]
    np.multiply(h, now["o"], slopes["o"])
    np.subtract(h, slopes["o"], slopes["o"])  # (5) as h − h ⊙ o
    np.multiply(h, now["tanh_c"], slopes["k"])
    np.subtract(now["o"], slopes["k"], slopes["k"])  # (6) as o − h ⊙ tanh(c)


def local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `step_back` takes."""
    return slopes["o":"k"], slopes["c":"i"]


def adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `step_back` takes and fills."""
    return (
        incoming["h"][..., None, :, :],
        incoming["c"],
        deltas["o":"k"],
        deltas["k"],
        deltas["k"][..., None, :, :],
        deltas["c":"i"],
    )


def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill the deltas and the carried ∂L/∂c_{t-1} from ∂L/∂h_t and ∂L/∂c_t."""
    from_h, from_c = local
    h, c, o_and_k, k, k_each, c_to_i = adjoint
    np.multiply(h, from_h, o_and_k)  # (5), second term of (6)
    np.add(k, c, k)  # (6); before the block c is written: in a stack it is the incoming one
    np.multiply(k_each, from_c, c_to_i)  # (7) to (10)


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
