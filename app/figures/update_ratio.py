"""How far each update moves a parameter, relative to its size, over the training."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.lines import parameter_lines
from app.figures.picture import Picture

TITLE = "Relative size of the update"
NAME = "update_ratio"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 ‖ΔP‖/‖P‖, a line for each parameter."""
    return parameter_lines(runs[0], options, name=NAME, title=TITLE, ytitle="‖ΔP‖ ÷ ‖P‖")


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Near 0.001 a parameter learns at a walking pace. Far below it stands still, whatever the "
        "loss says; near 1 every update replaces it, and the learning rate is too high."
    ),
    at_a_glance="Near 0.001 a parameter learns; far below it stands still, near 1 it is replaced.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
