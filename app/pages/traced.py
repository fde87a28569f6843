"""What the lessons of one path compute at once: a sweep with `engine.trace`, as a line."""

from dataclasses import dataclass

import numpy as np

import engine
from app.pages.lessons import OnePath
from app.pages.verdicts import Quantity, quantity_of_log10

STEPS = 100
# The picture of a path: its size, and the fixed ends of its scale in decades.
WIDTH, HEIGHT = 640, 180
HIGHEST, LOWEST = 6.0, -20.0
HIDDEN = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class PathView:
    """The gradient's norm from the last step back to the first, as a line and in numbers.

    Attributes:
        line: the steps within the scale.
        below: up to this step the norm is under the scale's lower end and not drawn; 0 for none.
        below_x: where that ends.
    """

    line: str
    below: int
    below_x: float
    ends: tuple[tuple[int, Quantity], ...]
    one_y: float
    ticks: tuple[tuple[float, str], ...]
    lowest: str = f"−{abs(LOWEST):.0f}"
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
    below = int(np.count_nonzero(ratios < LOWEST))
    points = [f"{_x(t):.1f} {_down(float(ratios[t - 1])):.1f}" for t in range(below + 1, STEPS + 1)]
    shown = (STEPS, STEPS - 10, STEPS - 50, 1)
    return PathView(
        line="M" + "L".join(points),
        below=below,
        below_x=round(_x(max(below, 1)), 1),
        ends=tuple((t, quantity_of_log10(round(float(ratios[t - 1]), 12))) for t in shown),
        one_y=round(_down(0.0), 1),
        ticks=tuple((round(_down(d), 1), f"{d:.0f}".replace("-", "−")) for d in (5, 0, -10, -20)),
    )


def _x(step: int) -> float:
    return (step - 1) / (STEPS - 1) * WIDTH


def _down(log10: float) -> float:
    return (HIGHEST - log10) / (HIGHEST - LOWEST) * HEIGHT
