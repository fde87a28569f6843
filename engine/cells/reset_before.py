"""Gated recurrent unit (GRU) with the reset gate before the recurrent product.

Equations (σ logistic, ⊙ elementwise, row vectors, t omitted on the gates):
    r   = σ(x_t W_xrᵀ + h_{t-1} W_hrᵀ + b_r)                      (1)
    z   = σ(x_t W_xzᵀ + h_{t-1} W_hzᵀ + b_z)                      (2)
    n   = tanh(x_t W_xnᵀ + (r ⊙ h_{t-1}) W_hnᵀ + b_n)             (3)
    h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}                                (4)

Backward, with λ = ∂L/∂h_t coming in:
    δ_n = λ ⊙ (1 - z) ⊙ (1 - n²)                                   (5)
    δ_z = λ ⊙ (h_{t-1} - n) ⊙ z ⊙ (1 - z)                          (6)
    μ   = δ_n W_hn, which returns to r ⊙ h_{t-1}                   (7)
    δ_r = μ ⊙ h_{t-1} ⊙ r ⊙ (1 - r)                                (8)
    ∂L/∂h_{t-1} = λ ⊙ z + μ ⊙ r + δ_r W_hr + δ_z W_hz              (9)
    ∂L/∂x_t     = δ_r W_xr + δ_z W_xz + δ_n W_xn                   (10)
    ∂L/∂W_hk = δ_kᵀ h_{t-1} for r, z;  ∂L/∂W_hn = δ_nᵀ (r ⊙ h_{t-1}) (11)
    ∂L/∂W_xk = δ_kᵀ x_t;  ∂L/∂b_k = Σ_b δ_k                        (12)

What the gradient sees: z = 1 gives back λ unchanged; r = 0 cuts the candidate's way back.

Shapes: x_t (B, D); h (B, H); W_x (3H, D), W_h (3H, H), b (3H,) in the order r, z, n.
Source: Cho et al. 2014, arXiv:1406.1078v3, eq. 5 to 8. There is no second bias: inside this
    product it would be one with b_n.
"""

from types import MappingProxyType

import numpy as np

from engine.activations import ACTIVATIONS
from engine.arrays import Array
from engine.cells.base import ArrayTuple, Cell, Product, Stage, Views
from engine.cells.slope_product import SlopeProduct


def gates_step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `gates_step`."""
    return now["z":"r"], now["r"], now["h"], now["rh"]


def gates_step(sigmoids: Array, r: Array, h_before: Array, r_h: Array) -> None:
    """Turn pre-activations into gates, in place, and write what the candidate reads."""
    np.tanh(sigmoids, sigmoids)  # (1), (2) from halved pre-activations
    np.multiply(sigmoids, 0.5, sigmoids)
    np.add(sigmoids, 0.5, sigmoids)
    np.multiply(r, h_before, r_h)


def state_step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `state_step`."""
    return now["z"], now["n"], now["h"], after["h"]


def state_step(z: Array, n: Array, h_before: Array, h_after: Array) -> None:
    """Turn the pre-activation into the candidate, in place, and write h_t."""
    np.tanh(n, n)  # (3)
    np.subtract(h_before, n, h_after)
    np.multiply(h_after, z, h_after)
    np.add(h_after, n, h_after)  # (4) as n + z ⊙ (h_{t-1} − n)


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    r, z, n, h = now["r"], now["z"], now["n"], now["h"]
    s_n, s_z, s_r = slopes["n"], slopes["z"], slopes["r"]
    np.multiply(n, n, s_n)
    np.subtract(1, s_n, s_n)
    np.subtract(1, z, s_z)
    np.multiply(s_n, s_z, s_n)  # (5)
    np.multiply(s_z, z, s_z)
    np.subtract(h, n, s_r)
    np.multiply(s_z, s_r, s_z)  # (6)
    np.subtract(1, r, s_r)
    np.multiply(s_r, r, s_r)
    np.multiply(s_r, h, s_r)  # (8)
    np.copyto(slopes["h"], z)  # first term of (9)
    np.copyto(slopes["rh_h"], r)  # second term of (9)


def gates_local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `gates_step_back` takes."""
    return (slopes["r":"rh_h"],)


def gates_adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `gates_step_back` takes and fills."""
    return incoming["rh"][..., None, :, :], deltas["r":"rh_h"], deltas["h"], deltas["rh_h"]


def gates_step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill what μ makes, which came back through the candidate's product."""
    mu, r_and_h, h, share = adjoint
    np.multiply(mu, local[0], r_and_h)  # (8), second term of (9)
    np.add(h, share, h)


def gru_with_reset_before() -> Cell:
    """Return the cell; its candidate's activation is tanh."""
    back = SlopeProduct("z")  # (5), (6), first term of (9)
    return Cell(
        name="gru",
        gates=("r", "z", "n"),
        stages=(
            Stage(
                products=(Product(out=("z", "r"), back=("z", "r")),),
                step=gates_step,
                step_views=gates_step_views,
                local_views=gates_local_views,
                adjoint_views=gates_adjoint_views,
                step_back=gates_step_back,
            ),
            Stage(
                products=(Product(out=("n",), back=("n",), reads=("x", "one", "rh")),),  # (7)
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
        inputs=("h", "x", "one", "rh"),
        lags=MappingProxyType({"rh": 0}),
        tape=("n", "z", "r"),
        slopes=("h", "n", "z", "r", "rh_h"),
        deltas=("h", "n", "z", "r", "rh_h"),
        halved=("r", "z"),
        carries=("h",),
    )
