"""Gradient that each state gets from its own time step's loss alone, over the training."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Picture
from app.figures.time_over_training import time_over_training

TITLE = "Immediate gradient"
NAME = "immediate_gradient_norm"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × training step of the norm that does not come through time."""
    return time_over_training(runs[0], options, name=NAME, title=TITLE, words="‖∂ℓ<sub>t</sub>/∂h‖")


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "What the loss at t says to the state at t and to no other. Where a task asks at the end "
        "alone, every other row is exactly zero: all that those states hear comes through time. "
        "Beside the total gradient it shows how much of that is memory."
    ),
    at_a_glance="What the loss at t says to the state at t and to no other.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
