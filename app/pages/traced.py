"""What lessons compute at once: single sweeps of tiny networks with `engine.trace`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import engine
from app.pages.lessons import OnePath
from app.pages.verdicts import Quantity, quantity_of_log10

Matrix = NDArray[np.floating]

STEPS = 100
# The picture of a path: its size, and the fixed ends of its scale in decades.
WIDTH, HEIGHT = 640, 180
HIGHEST, LOWEST = 6.0, -20.0
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
class PathView:
    """The gradient's norm from the last step back to the first, as a line and in numbers."""

    line: str
    ends: tuple[tuple[int, Quantity], ...]
    one_y: float
    ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT


def walk(path: OnePath) -> PathView:
    """Sweep a path's network once and return the norm of dL/dh_t at every step."""
    eye = np.eye(HIDDEN)
    inputs = np.full((STEPS, 1, 1), path.drive)
    arriving = np.zeros((STEPS, 1, HIDDEN))
    arriving[-1] = 1.0
    trace = engine.trace(
        "elman",
        {"weight_ih_l0": np.ones((HIDDEN, 1)), "weight_hh_l0": path.weight * eye},
        inputs,
        output_gradients=arriving,
        initial_state=np.full((1, 1, HIDDEN), path.drive),
        options={"activation": path.activation},
    )
    norms = trace.hidden_gradient.log10_norm()[0, :, 0]
    ratios = norms - norms[-1]
    points = [
        f"{(t - 1) / (STEPS - 1) * WIDTH:.1f} {_down(float(ratios[t - 1])):.1f}"
        for t in range(1, STEPS + 1)
    ]
    shown = (STEPS, STEPS - 10, STEPS - 50, 1)
    return PathView(
        line="M" + "L".join(points),
        ends=tuple((t, quantity_of_log10(round(float(ratios[t - 1]), 12))) for t in shown),
        one_y=round(_down(0.0), 1),
        ticks=tuple((round(_down(d), 1), f"{d:.0f}".replace("-", "−")) for d in (5, 0, -10, -20)),
    )


def _down(log10: float) -> float:
    held = min(max(log10, LOWEST), HIGHEST) if not math.isnan(log10) else LOWEST
    return (HIGHEST - held) / (HIGHEST - LOWEST) * HEIGHT


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """The three-step network as the address says it: rows one after the other."""

    w: tuple[float, ...] = (0.8, -0.4, 0.3, 0.6)
    u: tuple[float, ...] = (0.7, -0.5)
    v: tuple[float, ...] = (1.0, -0.6, -0.8, 0.9)
    x: tuple[float, ...] = (1.0, 0.5, -0.5)
    activation: str = "tanh"


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term of a parameter's sum: the loss at t through the state at k."""

    loss_time: int
    state_time: int
    matrix: tuple[tuple[str, ...], ...]
    norm: Quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """A parameter's gradient as the sum of its terms."""

    letter: str
    terms: tuple[Term, ...]
    total: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrow:
    """An arrow of the unrolled network: what of L₃ arrives at h_k, and how wide that is drawn."""

    state_time: int
    norm: Quantity
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ByHand:
    """All that the lesson on three steps shows."""

    loss: str
    sums: tuple[Sum, ...]
    arrows: tuple[Arrow, ...]
    slopes: tuple[tuple[tuple[str, ...], ...], ...]


def by_hand(weights: Weights) -> ByHand:
    """Sweep the three-step network and return every term of the sums for V, W and U."""
    parameters = {
        "weight_ih_l0": np.reshape(weights.u, (HIDDEN, 1)),
        "weight_hh_l0": np.reshape(weights.w, (HIDDEN, HIDDEN)),
        "readout.weight": np.reshape(weights.v, (HIDDEN, HIDDEN)),
    }
    trace = engine.trace(
        "elman",
        parameters,
        np.reshape(weights.x, (LENGTH, 1, 1)),
        targets=np.asarray(TARGETS),
        reduction="sum",
        initial_state=np.reshape(INITIAL, (1, 1, HIDDEN)),
        options={"activation": weights.activation},
    )
    letters = (("V", "readout.weight"), ("W", "weight_hh_l0"), ("U", "weight_ih_l0"))
    slopes = np.asarray(trace.statistic("activation_slope"))[0]
    return ByHand(
        loss=_number(float(trace.loss or 0.0)),
        sums=tuple(
            _sum(letter, trace.path_terms(name), trace.parameter_gradients, name)
            for letter, name in letters
        ),
        arrows=_arrows(np.asarray(trace.loss_state_gradients())[0, LENGTH - 1, :, 0]),
        slopes=tuple(_rows(np.diag(row)) for row in slopes),
    )


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
    norm = float(np.linalg.norm(array))
    return quantity_of_log10(math.log10(norm) if norm > 0 else -math.inf)


def _rows(matrix: Matrix) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_number(float(value)) for value in row) for row in np.atleast_2d(matrix))


def _number(value: float) -> str:
    """A number with a true minus sign; an exact zero is 0 and nothing else is."""
    if value == 0:
        return "0"
    text = f"{value:.{DIGITS}g}"
    return text.replace("-", "−")


def read_numbers(text: str, start: Sequence[float], most: float = 10.0) -> tuple[float, ...]:
    """Read numbers with commas between; what is no such list is the start.

    Example:
        >>> read_numbers("1,2.5", (0.0, 0.0)), read_numbers("1,x", (0.0, 0.0))
        ((1.0, 2.5), (0.0, 0.0))
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        return tuple(start)
    usable = len(found) == len(start) and all(abs(value) <= most for value in found)
    return found if usable else tuple(start)
