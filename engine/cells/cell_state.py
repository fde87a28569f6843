"""The way back of cells with gates i, f, o around a second state c.

Backward, with λ = ∂L/∂h_t and γ = ∂L/∂c_t (from step t+1) coming in, c_t = f ⊙ c_{t-1} + i ⊙ g and
h_t = o ⊙ tanh(c_t); the numbers are those of lstm.py:
    δ_o = λ ⊙ tanh(c_t) ⊙ o ⊙ (1 - o)                              (5)
    κ = γ + λ ⊙ o ⊙ (1 - tanh²(c_t)), the total ∂L/∂c_t            (6)
    δ_g = κ ⊙ i ⊙ (1 - g²)                                         (7)
    δ_f = κ ⊙ c_{t-1} ⊙ f ⊙ (1 - f)                                (8)
    δ_i = κ ⊙ g ⊙ i ⊙ (1 - i)                                      (9)
    ∂L/∂c_{t-1} = κ ⊙ f                                            (10)

Where gates also read c, the slopes of (6) and (10) grow by what comes through them; nothing else
changes. The cell's blocks are those of lstm.py: g, f, i, o, c and tanh_c in the tape, slopes and
deltas in the order c, g, f, i, o, k; k is κ.
"""

import numpy as np

from engine.cells.base import ArrayTuple, Views


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
