"""Linear recurrent unit (LRU): a complex diagonal recurrence, read out by a matrix.

Equations (i² = -1, ⊙ elementwise, row vectors; s_t complex, re and im its parts):
    λ   = exp(-exp(ν) + i exp(θ)), γ = exp(g), with ν = nu_log, θ = theta_log, g = gamma_log (1)
    u_t = x_t Bᵀ, B = B_re + i B_im                                (2)
    s_t = λ ⊙ s_{t-1} + γ ⊙ u_t                                    (3)
    h_t = Re(s_t Cᵀ) + x_t Dᵀ = re C_reᵀ - im C_imᵀ + x_t Dᵀ       (4)

Backward, with ∂L/∂h_t and σ = ∂L/∂re + i ∂L/∂im from step t+1 coming in:
    τ = σ + ∂L/∂h_t C̄, the total ∂L/∂s_t                           (5)
    ∂L/∂s_{t-1} = λ̄ ⊙ τ;  ∂L/∂u_t = γ ⊙ τ                          (6)
    ∂L/∂ν = -exp(ν) Σ_b Re(τ̄ ⊙ λ s_{t-1});  ∂L/∂θ = exp(θ) Σ_b Re(τ̄ ⊙ iλ s_{t-1}) (7)
    ∂L/∂g = Σ_b Re(τ̄ ⊙ γ u_t)                                      (8)
    ∂L/∂x_t = ∂L/∂h_t D + Re(∂L/∂u_t B̄)                            (9)
    ∂L/∂B, ∂L/∂C, ∂L/∂D from (2) and (4), one product over all steps each (10)

What the gradient sees: J_t = diag(λ), the same at every step, |λ| = exp(-exp(ν)) < 1: units fade
    each at a rate of its own and never mix; the output (4) is no part of the recurrence. Norms of
    ∂L/∂s are over re and im.

Start: |λ|² uniform on [r_min², r_max²] = [0, 1], the phase uniform on [0, 2π], γ = √(1 - |λ|²), B
    normal with variance 1/(2D), C and D normal with variance 1/H and 1/D.

Shapes: x_t (B, D); re, im, h (B, H); nu_log, theta_log, gamma_log (H,); B_re, B_im, D (H, D); C_re,
    C_im (H, H). There is no bias.
Source: Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu & De 2023, arXiv:2303.06349, with the start
    of its appendix's code; D is a vector there, and the output has a width of its own.
"""

from types import MappingProxyType

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.arrays import Array
from engine.cells.base import (
    ArrayTuple,
    Cell,
    CellDefinition,
    Diagonal,
    NoOptions,
    Product,
    Stage,
    Views,
)
from engine.cells.lru_start import FOLLOWING_STARTS, OWN_STARTS


def derive(vectors: Views) -> None:
    """Fill λ, γ and the slopes of λ from the parameters."""
    np.exp(vectors["nu_log"], vectors["fading"])
    np.exp(vectors["theta_log"], vectors["turning"])
    modulus = np.exp(-vectors["fading"])
    np.multiply(modulus, np.cos(vectors["turning"]), vectors["a"])  # (1)
    np.multiply(modulus, np.sin(vectors["turning"]), vectors["b"])
    np.exp(vectors["gamma_log"], vectors["g"])


def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
    """Name the arrays of `step`."""
    return (
        now["a"],
        now["b"],
        now["g"],
        now["re":"im"],
        now["re"],
        now["im"],
        now["u_re":"u_im"],
        after["re":"im"],
        after["re"],
        after["im"],
        now["s_re"],
        now["s_mi"],
        scratch["one":"two"],
        scratch["one"],
        scratch["two"],
    )


def step(
    a: Array,
    b: Array,
    g: Array,
    before: Array,
    re: Array,
    im: Array,
    u: Array,
    after: Array,
    re_after: Array,
    im_after: Array,
    s_re: Array,
    s_mi: Array,
    room: Array,
    one: Array,
    two: Array,
) -> None:
    """Write s_t, and what the output reads of it."""
    np.multiply(u, g, after)
    np.multiply(before, a, room)
    np.add(after, room, after)
    np.multiply(im, b, one)
    np.subtract(re_after, one, re_after)
    np.multiply(re, b, two)
    np.add(im_after, two, im_after)  # (3)
    np.copyto(s_re, re_after)
    np.negative(im_after, s_mi)  # the minus of (4)


def linearize(now: Views, after: Views, slopes: Views) -> None:
    """Fill the local derivatives of a chunk of steps."""
    for name in ("a", "b", "g"):
        np.copyto(slopes[name], now[name])
    np.multiply(now["u_re"], now["g"], slopes["gamma_re"])  # (8)
    np.multiply(now["u_im"], now["g"], slopes["gamma_im"])
    turned_re, turned_im = slopes["theta_im"], slopes["nu_im"]
    np.subtract(after["re"], slopes["gamma_re"], turned_re)  # λ s_{t-1}
    np.subtract(after["im"], slopes["gamma_im"], turned_im)
    np.multiply(turned_re, -now["fading"], slopes["nu_re"])  # (7)
    np.multiply(turned_im, -now["turning"], slopes["theta_re"])
    np.multiply(turned_re, now["turning"], slopes["theta_im"])
    np.multiply(turned_im, -now["fading"], slopes["nu_im"])


def local_views(slopes: Views) -> ArrayTuple:
    """Name the local derivatives that `step_back` takes."""
    return (
        slopes["a"],
        slopes["b"],
        slopes["g"],
        slopes["nu_re":"gamma_re"],
        slopes["nu_im":"gamma_im"],
    )


def adjoint_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints that `step_back` takes and fills."""
    return (
        incoming["re"],
        incoming["im"],
        incoming["s_re"],
        incoming["s_mi"],
        deltas["t_re"],
        deltas["t_im"],
        deltas["t_re":"t_im"],
        deltas["re"],
        deltas["im"],
        deltas["u_re":"u_im"],
        deltas["nu":"gamma"],
        deltas["room_1":"room_3"],
        deltas["room_1"],
    )


def step_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Fill τ, what is handed on, ∂L/∂u, and the terms of the vectors' gradients."""
    a, b, g, from_re, from_im = local
    re, im, s_re, s_mi, t_re, t_im, total, re_on, im_on, u, vectors, rooms, room = adjoint
    np.add(re, s_re, t_re)
    np.subtract(im, s_mi, t_im)  # (5)
    np.multiply(t_re, a, re_on)
    np.multiply(t_im, b, room)
    np.add(re_on, room, re_on)
    np.multiply(t_im, a, im_on)
    np.multiply(t_re, b, room)
    np.subtract(im_on, room, im_on)  # (6)
    np.multiply(total, g[..., None, :, :], u)
    np.multiply(t_re[..., None, :, :], from_re, vectors)
    np.multiply(t_im[..., None, :, :], from_im, rooms)
    np.add(vectors, rooms, vectors)  # (7), (8)


def output_views(incoming: Views, deltas: Views) -> ArrayTuple:
    """Name the adjoints of the output's way back."""
    return incoming["h"], deltas["y"]


def output_back(local: ArrayTuple, adjoint: ArrayTuple) -> None:
    """Hand ∂L/∂h_t to the product of (4)."""
    np.copyto(adjoint[1], adjoint[0])


def nothing(*views: Views) -> ArrayTuple:
    """Name no arrays."""
    return ()


def make(activation: Activation, options: NoOptions) -> Cell:
    """Return the cell; it is linear."""
    return Cell(
        name="lru",
        gates=(),
        stages=(
            Stage(
                products=(Product(out=("u_re", "u_im"), back=("u_re", "u_im"), reads=("x",)),),
                step=step,
                step_views=step_views,
                local_views=local_views,
                adjoint_views=adjoint_views,
                step_back=step_back,
            ),
            Stage(
                products=(
                    Product(out=("h",), back=("y",), reads=("s_re", "s_mi", "x"), at_end=True),
                ),
                step=None,
                step_views=nothing,
                local_views=nothing,
                adjoint_views=output_views,
                step_back=output_back,
            ),
        ),
        linearize=linearize,
        activation=ACTIVATIONS["identity"],
        candidate="h",
        inputs=("h", "s_re", "s_mi", "x", "one"),
        lags=MappingProxyType({"s_re": 0, "s_mi": 0}),
        tape=("re", "im", "u_re", "u_im"),
        slopes=("a", "b", "g", "nu_re", "theta_re", "gamma_re", "nu_im", "theta_im", "gamma_im"),
        deltas=(
            *("t_re", "t_im", "re", "im", "u_re", "u_im", "nu", "theta", "gamma", "y"),
            *("room_1", "room_2", "room_3"),
        ),
        scratch=("one", "two"),
        carries=("re", "im"),
        states=("re", "im"),
        state_totals=("t_re", "t_im"),
        gain=("a", "b"),
        read_signs=(1, -1),
        matrices=MappingProxyType(
            {
                "B_re": ("u_re", "x"),
                "B_im": ("u_im", "x"),
                "C_re": ("h", "s_re"),
                "C_im": ("h", "s_mi"),
                "D": ("h", "x"),
            }
        ),
        diagonals=MappingProxyType(
            {
                "nu_log": Diagonal("nu", "one"),
                "theta_log": Diagonal("theta", "one"),
                "gamma_log": Diagonal("gamma", "one"),
            }
        ),
        derived=("fading", "turning", "a", "b", "g"),
        derive=derive,
    )


DEFINITION = CellDefinition(
    name="lru",
    title="LRU",
    summary="A linear recurrence of complex units that never mix, read out by a matrix: what fades "
    "is set by |λ| alone, the same at every step. Starts as published: |λ|² uniform on [0, 1], "
    "phases on the whole circle, whatever the initializer.",
    equations=(
        "s_t = λ ⊙ s_{t−1} + γ ⊙ B x_t, λ = exp(−e^ν + i e^θ)",
        "h_t = Re(C s_t) + D x_t",
    ),
    source="Orvieto et al. 2023",
    gates=(),
    activation_choice=False,
    default_activation="identity",
    make=make,
    parameters=MappingProxyType(
        {
            **dict.fromkeys(("B_re", "B_im"), "H × D"),
            **dict.fromkeys(("C_re", "C_im"), "H × H"),
            "D": "H × D",
            **dict.fromkeys(("nu_log", "theta_log", "gamma_log"), "H"),
        }
    ),
    own_starts=OWN_STARTS,
    following_starts=FOLLOWING_STARTS,
)
