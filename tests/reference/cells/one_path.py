"""Cells without gates: one affine map, one activation.

elman          h_t = φ(W_x x_t + W_h h_{t−1} + b)                        (Elman 1990)
preactivation  h_t = W_h φ(h_{t−1}) + W_x x_t + b, read out from φ(h_t)
                                          (Pascanu, Mikolov & Bengio 2013, eq. 2)
skip           h_t = φ(W_x x_t + W_h h_{t−1} + W_s h_{t−s} + b)
               (El Hihi & Bengio 1995; the form of NARX networks, Lin et al. 1996)
residual       h_t = h_{t−1} + α φ(W_x x_t + W_h h_{t−1} + b)
leaky          h_t = (1 − α) h_{t−1} + α φ(W_x x_t + W_h h_{t−1} + b)    (Jaeger et al. 2007)
indrnn         h_t = φ(W_x x_t + u ⊙ h_{t−1} + b)              (Li et al. 2018, eq. 2)
orthogonal     elman with W = exp(A − Aᵀ) or (I − S)⁻¹(I + S), S = A − Aᵀ, A strictly lower.
               The authors' codes read the upper triangle and multiply from the right, which
               is this W for the exponential (Lezcano & Martínez-Rubio 2019); their Cayley
               map is (I + S)⁻¹(I − S), ours of −S (Helfrich, Willmott & Ye 2018, eq. 2).
"""

import numpy as np

from tests.reference.arithmetic import Arithmetic, Tensor
from tests.reference.cells.base import Options, Reference, Shapes, State, Step, affine, gated

EXPONENTIAL_TERMS = 24
"""x^24/24! is under 1e-24 for x ≤ 1/2: the series is exact to rounding after the halving."""

HALVINGS = 6
"""Skew matrices of norm up to 32 come under 1/2."""


def elman(step: Step) -> State:
    """Return the state of an Elman network."""
    (a,) = step.gates()
    return {"h": step.watch("h", step.phi(a))}


def preactivation(step: Step) -> State:
    """Return the pre-activation that is the state."""
    (from_x,) = step.from_input()
    bias = step.weights.get("bias_hh", 0.0)
    recurrent = step.phi(step.read["h"]) @ step.weights["weight_hh"].T + bias
    return {"h": step.watch("h", recurrent + from_x)}


def _lags(options: Options) -> tuple[str, ...]:
    """Return the names of h_{t−1}, …, h_{t−s+1} in the state after step t."""
    return tuple(f"h_{lag}" for lag in range(1, options["skip"]))


def skip(step: Step) -> State:
    """Return h_t, and the older states moved on by one."""
    names = ("h", *_lags(step.options))
    (a,) = step.gates()
    a = a + step.read[names[-1]] @ step.weights["W_s"].T
    moved = {new: step.state[old] for new, old in zip(names[1:], names, strict=False)}
    return {"h": step.watch("h", step.phi(a)), **moved}


def residual(step: Step) -> State:
    """Return h_{t−1} and a share of the candidate."""
    (a,) = step.gates()
    return {"h": step.watch("h", step.state["h"] + step.options["alpha"] * step.phi(a))}


def leaky(step: Step) -> State:
    """Return the moving average of the candidates."""
    (a,) = step.gates()
    alpha = step.options["alpha"]
    return {"h": step.watch("h", (1 - alpha) * step.state["h"] + alpha * step.phi(a))}


def indrnn(step: Step) -> State:
    """Return units that each read themselves alone."""
    (from_x,) = step.from_input()
    a = from_x + step.weights["u"] * step.read["h"]
    return {"h": step.watch("h", step.phi(a))}


def _indrnn_shapes(hidden: int, width: int, _: Options) -> Shapes:
    return {"weight_ih": (hidden, width), "u": (hidden,), "bias_ih": (hidden,)}


def orthogonal_matrix(math: Arithmetic, parameter: Tensor, kind: str) -> Tensor:
    """Return the orthogonal W of a parameter whose strictly lower triangle is A."""
    size = parameter.shape[0]
    lower = parameter * math.constant(np.tril(np.ones((size, size)), -1))
    skew = lower - lower.T
    one = math.constant(np.eye(size))
    if kind == "cayley":
        return math.xp.linalg.solve(one - skew, one + skew)
    small = skew / 2.0**HALVINGS
    term, total = one, one
    for order in range(1, EXPONENTIAL_TERMS):
        term = term @ small / order
        total = total + term
    for _ in range(HALVINGS):
        total = total @ total
    return total


ELMAN = Reference(shapes=gated(1), step=elman, choice=True)
PREACTIVATION = Reference(
    shapes=gated(1), step=preactivation, choice=True, output=lambda s, state: s.phi(state["h"])
)
SKIP = Reference(
    shapes=lambda hidden, width, _: {**affine(1, hidden, width), "W_s": (hidden, hidden)},
    step=skip,
    states=lambda options: ("h", *_lags(options)),
    defaults={"skip": 10},
    variants=((("skip", 3),), (("skip", 2),), ()),
    choice=True,
)
RESIDUAL = Reference(
    shapes=gated(1),
    step=residual,
    defaults={"alpha": 0.1},
    variants=((("alpha", 0.4),), ()),
    choice=True,
)
LEAKY = Reference(
    shapes=gated(1),
    step=leaky,
    defaults={"alpha": 0.1},
    variants=((("alpha", 0.6),), ()),
    choice=True,
)
INDRNN = Reference(shapes=_indrnn_shapes, step=indrnn, choice=True)
ORTHOGONAL = Reference(
    shapes=gated(1),
    step=elman,
    effective=lambda math, stored, options: orthogonal_matrix(math, stored, options["map"]),
    defaults={"map": "exponential"},
    variants=((), (("map", "cayley"),)),
    choice=True,
)
