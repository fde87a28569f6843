"""Norm of the gradient of every parameter before clipping, over the training."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.lines import parameter_lines
from app.figures.picture import Picture

TITLE = "Gradient of every parameter"
NAME = "parameter_gradient_norm"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 ‖∂L/∂P‖, a line for each parameter."""
    return parameter_lines(runs[0], options, name=NAME, title=TITLE, ytitle="‖∂L/∂P‖")


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Where W's line lies decades under V's, the read-out learns and the memory does not: "
        "the gradient is lost on its way back. Lines that jump together are an explosion."
    ),
    at_a_glance="Where W lies decades under V, the memory does not learn.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
