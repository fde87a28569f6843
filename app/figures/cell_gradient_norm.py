"""Gradient at the cell state of an LSTM, over the training."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Picture
from app.figures.time_over_training import time_over_training

TITLE = "Gradient at the cell state"
NAME = "cell_gradient_norm"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × training step of the norm on the cell's own path."""
    return time_over_training(runs[0], options, name=NAME, title=TITLE, words="‖dℓ/dc<sub>t</sub>‖")


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "The cell state c is the path on which a gradient is multiplied by the forget gate alone. "
        "Where this stays pale downward while the hidden gradient fades, the memory cell carries "
        "what the hidden state loses."
    ),
    at_a_glance="Pale downward: the memory cell carries what the hidden state loses.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
