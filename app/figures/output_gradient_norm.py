"""Gradient at the read-out of every time step, over the training."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Picture
from app.figures.time_over_training import time_over_training

TITLE = "Gradient at the output"
NAME = "output_gradient_norm"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × training step of the norm at the read-out."""
    words = "‖∂ℓ<sub>t</sub>/∂y<sub>t</sub>‖"
    return time_over_training(runs[0], options, name=NAME, title=TITLE, words=words)


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Where every chain begins: how wrong the output at t is. Rows that are not asked are "
        "exactly zero. As a task is learned this shrinks, and all that follows from it shrinks "
        "with it, without anything vanishing in time."
    ),
    at_a_glance="Where every chain begins: how wrong the output at t is.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
