"""Minimal gated unit (MGU): one gate that forgets, resets and writes.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on f and n):
    f   = σ(x_t W_xfᵀ + h_{t-1} W_hfᵀ + b_f)                      (1)
    n   = tanh(x_t W_xnᵀ + (f ⊙ h_{t-1}) W_hnᵀ + b_n)             (2)
    h_t = (1 - f) ⊙ h_{t-1} + f ⊙ n                                (3)

Backward, with λ = ∂L/∂h_t coming in:
    δ_n = λ ⊙ f ⊙ (1 - n²)                                         (4)
    μ   = δ_n W_hn, which returns to f ⊙ h_{t-1}                   (5)
    δ_f = (λ ⊙ (n - h_{t-1}) + μ ⊙ h_{t-1}) ⊙ f ⊙ (1 - f)          (6)
    ∂L/∂h_{t-1} = λ ⊙ (1 - f) + μ ⊙ f + δ_f W_hf                   (7)
    ∂L/∂x_t     = δ_f W_xf + δ_n W_xn                              (8)
    ∂L/∂W_hf = δ_fᵀ h_{t-1};  ∂L/∂W_hn = δ_nᵀ (f ⊙ h_{t-1})        (9)
    ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k                        (10)

What the gradient sees: f = 0 gives back λ unchanged, all other terms of (7) being 0.

Shapes: x_t (B, D); h (B, H); W_x (2H, D), W_h (2H, H), b (2H,) in the order f, n.
Source: Zhou et al. 2016, arXiv:1603.09420. Its f writes: the weight of the new value, where the
    LSTM's forget gate is that of the old one.
"""

from types import MappingProxyType

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, CellDefinition, NoOptions, Product, Stage, Views
from engine.cells.slope_product import SlopeProduct
from engine.initializers import KeepGate


def gate_step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `gate_step`."""
    return now["f"], now["h"], now["fh"]


def gate_step(f: Array, h_before: Array, f_h: Array) -> None:
    """Turn the pre-activation into the gate, in place, and write what the candidate reads."""
    np.tanh(f, f)  # (1) from a halved pre-activation
    np.multiply(f, 0.5, f)
    np.add(f, 0.5, f)
    np.multiply(f, h_before, f_h)


def state_step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `state_step`."""
    return now["f"], now["n"], now["h"], after["h"]


def state_step(f: Array, n: Array, h_before: Array, h_after: Array) -> None:
    """Turn the pre-activation into the candidate, in place, and write h_t."""
    np.tanh(n, n)  # (2)
    np.subtract(n, h_before, h_after)
    np.multiply(h_after, f, h_after)
    np.add(h_after, h_before, h_after)  # (3) as h_{t-1} + f ⊙ (n − h_{t-1})


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    f, n, h = now["f"], now["n"], now["h"]
    s_f, s_n, through_f = slopes["f"], slopes["n"], slopes["fh_f"]
    np.subtract(1, f, slopes["h"])  # first term of (7)
    np.multiply(slopes["h"], f, through_f)
    np.subtract(n, h, s_f)
    np.multiply(s_f, through_f, s_f)  # λ's factor in (6)
    np.multiply(through_f, h, through_f)  # μ's factor in (6)
    np.multiply(n, n, s_n)
    np.subtract(1, s_n, s_n)
    np.multiply(s_n, f, s_n)  # (4)
    np.copyto(slopes["fh_h"], f)  # second term of (7)


def gate_local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `gate_step_back` takes."""
    return (slopes["fh_h":"fh_f"],)


def gate_adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `gate_step_back` takes and fills."""
    return incoming["fh"][..., None, :, :], deltas["fh_h":"fh_f"], deltas["h":"f"]


def gate_step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Add the share of μ, which came back through the candidate's product."""
    mu, share, h_and_f = adjoint
    np.multiply(mu, local[0], share)  # second terms of (6) and (7)
    np.add(h_and_f, share, h_and_f)


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    back = SlopeProduct("n")  # (4), first terms of (6) and (7)
    return Cell(
        name="mgu",
        gates=("f", "n"),
        stages=(
            Stage(
                products=(Product(out=("f",), back=("f",)),),
                step=gate_step,
                step_views=gate_step_views,
                local_views=gate_local_views,
                adjoint_views=gate_adjoint_views,
                step_back=gate_step_back,
            ),
            Stage(
                products=(Product(out=("n",), back=("n",), reads=("x", "one", "fh")),),  # (5)
                step=state_step,
                step_views=state_step_views,
                local_views=back.local_views,
                adjoint_views=back.adjoint_views,
                step_back=back.step_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["tanh"],
        candidate="n",
        inputs=("h", "x", "one", "fh"),
        lags=MappingProxyType({"fh": 0}),
        tape=("f", "n"),
        slopes=("h", "f", "n", "fh_h", "fh_f"),
        deltas=("h", "f", "n", "fh_h", "fh_f"),
        halved=("f",),
        carries=("h",),
    )


DEFINITION = CellDefinition(
    name="mgu",
    title="Minimal gated unit (MGU)",
    summary="One state and a single gate, which forgets, resets and writes at once: at f = 0 the "
    "state is handed on unchanged.",
    equations=(
        "f = σ(U_f x_t + W_f h_{t−1} + b_f)",
        "n = tanh(U_n x_t + W_n (f ⊙ h_{t−1}) + b_n)",
        "h_t = (1 − f) ⊙ h_{t−1} + f ⊙ n",
    ),
    source="Zhou et al. 2016",
    gates=("f", "n"),
    activation_choice=False,
    default_activation="tanh",
    make=make,
    keep_gate=KeepGate(gate="f", sign=-1),
)
