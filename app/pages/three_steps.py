"""The lesson of three steps: every number of a tiny network, so that each follows by hand.

The states, the outputs, the losses and the gradients are `engine.trace`'s; what is derived from
them here is an equation of a line, and stands beside the numbers on the page.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

import engine
from app.pages.verdicts import Quantity, plain_number, quantity_of_log10

Matrix = NDArray[np.floating]
Rows = tuple[tuple[str, ...], ...]

HIDDEN = 2
LENGTH = 3
TARGETS = ((0,), (1,), (0,))
# h₀ is not zero: what W reads at the first step would be nothing, and its terms with it.
INITIAL = (0.6, -0.4)
# An arrow is this wide at 1, and loses so much a decade; it never goes under the least.
WIDEST, A_DECADE, LEAST = 12.0, 3.0, 1.0
# A matrix is shown with so many digits.
DIGITS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """The three-step network as the address says it: rows one after the other."""

    w: tuple[float, ...] = (0.8, -0.4, 0.3, 0.6)
    u: tuple[float, ...] = (0.7, -0.5)
    v: tuple[float, ...] = (1.0, -0.6, -0.8, 0.9)
    x: tuple[float, ...] = (1.0, 0.5, -0.5)
    activation: str = "tanh"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What happens at one time step, a column or a matrix for each letter of the equations."""

    time: int
    x: str
    a: Rows
    h: Rows
    o: Rows
    y_hat: Rows
    target: Rows
    loss: str
    slopes: Rows
    jacobian: Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term of a parameter's sum: the loss at t through the state at k."""

    loss_time: int
    state_time: int
    matrix: Rows
    norm: Quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """A parameter's gradient as the sum of its terms."""

    letter: str
    terms: tuple[Term, ...]
    total: Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrow:
    """An arrow of the unrolled network: what of L₃ arrives at h_k, and how wide that is drawn."""

    state_time: int
    norm: Quantity
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Halved:
    """A term of the last loss with W as it is, and with half of W in its whole network.

    Attributes:
        jacobians: step Jacobians in the term, each of which holds W once.
        ratio: what is left of the norm; empty where the term was zero.
    """

    state_time: int
    jacobians: int
    before: str
    after: str
    ratio: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ByHand:
    """All that the lesson on three steps shows."""

    loss: str
    w: Rows
    steps: tuple[Step, ...]
    sums: tuple[Sum, ...]
    arrows: tuple[Arrow, ...]
    halved: tuple[Halved, ...]


# Most readers begin with the same numbers.
@lru_cache(maxsize=64)
def by_hand(weights: Weights) -> ByHand:
    """Sweep the three-step network and return every number of it, and its terms at half of W."""
    trace = _swept(weights)
    half = _swept(replace(weights, w=tuple(value / 2 for value in weights.w)))
    letters = (("V", "readout.weight"), ("W", "weight_hh_l0"), ("U", "weight_ih_l0"))
    return ByHand(
        loss=_number(float(trace.loss or 0.0)),
        w=_rows(np.reshape(weights.w, (HIDDEN, HIDDEN))),
        steps=_steps(weights, trace),
        sums=tuple(
            _sum(letter, trace.path_terms(name), trace.parameter_gradients, name)
            for letter, name in letters
        ),
        arrows=_arrows(np.asarray(trace.loss_state_gradients())[0, LENGTH - 1, :, 0]),
        halved=_halved(trace.path_terms("weight_hh_l0"), half.path_terms("weight_hh_l0")),
    )


def _swept(weights: Weights) -> engine.Trace:
    parameters = {
        "weight_ih_l0": np.reshape(weights.u, (HIDDEN, 1)),
        "weight_hh_l0": np.reshape(weights.w, (HIDDEN, HIDDEN)),
        "readout.weight": np.reshape(weights.v, (HIDDEN, HIDDEN)),
    }
    return engine.trace(
        "elman",
        parameters,
        np.reshape(weights.x, (LENGTH, 1, 1)),
        targets=np.asarray(TARGETS),
        reduction="sum",
        initial_state=np.reshape(INITIAL, (1, 1, HIDDEN)),
        options={"activation": weights.activation},
    )


def _steps(weights: Weights, trace: engine.Trace) -> tuple[Step, ...]:
    """Return the forward pass and the step Jacobians, as the page writes their equations."""
    recurrent = np.reshape(weights.w, (HIDDEN, HIDDEN))
    states = np.asarray(trace.hidden, dtype=np.float64)[0, :, 0]
    outputs = np.asarray(trace.outputs, dtype=np.float64)[:, 0]
    slopes = np.asarray(trace.statistic("activation_slope"))[0]
    before = np.vstack([INITIAL, states[:-1]])
    found = []
    for t in range(LENGTH):
        target = np.eye(HIDDEN)[TARGETS[t][0]]
        exponentials = np.exp(outputs[t] - outputs[t].max())  # exp overflows beyond 709
        guess = exponentials / exponentials.sum()
        lost = np.log(exponentials.sum()) - (outputs[t] - outputs[t].max()) @ target
        found.append(
            Step(
                time=t + 1,
                x=_number(weights.x[t]),
                a=_column(np.asarray(weights.u) * weights.x[t] + recurrent @ before[t]),
                h=_column(states[t]),
                o=_column(outputs[t]),
                y_hat=_column(guess),
                target=_column(target),
                loss=_number(float(lost)),
                slopes=_rows(np.diag(slopes[t])),
                jacobian=_rows(np.diag(slopes[t]) @ recurrent),
            )
        )
    return tuple(found)


def _halved(terms: Matrix, half: Matrix) -> tuple[Halved, ...]:
    """The last loss's terms, the longest path first."""
    found = []
    for k in range(LENGTH):
        before, after = (float(np.linalg.norm(each[LENGTH - 1, k])) for each in (terms, half))
        found.append(
            Halved(
                state_time=k + 1,
                jacobians=LENGTH - 1 - k,
                before=plain_number(before),
                after=plain_number(after),
                ratio=f"{after / before:.2f}" if before > 0 else "",
            )
        )
    return tuple(found)


def _sum(letter: str, terms: Matrix, gradients: Mapping[str, Matrix], name: str) -> Sum:
    found = [
        Term(
            loss_time=t + 1,
            state_time=k + 1,
            matrix=_rows(terms[t, k]),
            norm=_size(terms[t, k]),
        )
        for t in range(LENGTH)
        for k in range(t + 1)
        if letter != "V" or k == t
    ]
    return Sum(letter=letter, terms=tuple(found), total=_rows(gradients[name]))


def _arrows(gradients: Matrix) -> tuple[Arrow, ...]:
    """From the last state back: the norm of dL₃/dh_k, and a width by its log10 against h₃'s."""
    norms = np.linalg.norm(gradients, axis=1)
    found = []
    for k, norm in enumerate(norms):
        with np.errstate(divide="ignore", invalid="ignore"):
            decades = float(np.log10(norm / norms[-1])) if norms[-1] > 0 else -math.inf
        width = max(WIDEST + A_DECADE * min(decades, 0.0), LEAST) if norm > 0 else 0.0
        found.append(Arrow(state_time=k + 1, norm=_size(gradients[k]), width=round(width, 1)))
    return tuple(found)


def _size(array: Matrix) -> Quantity:
    with np.errstate(divide="ignore"):  # an exact zero is 10^−∞
        return quantity_of_log10(float(np.log10(np.linalg.norm(array))))


def _rows(matrix: Matrix) -> Rows:
    return tuple(tuple(_number(float(value)) for value in row) for row in np.atleast_2d(matrix))


def _column(vector: Matrix) -> Rows:
    return _rows(np.reshape(vector, (-1, 1)))


def _number(value: float) -> str:
    """A number with a true minus sign; an exact zero is 0 and nothing else is."""
    if value == 0:
        return "0"
    text = f"{value:.{DIGITS}g}"
    return text.replace("-", "−")
