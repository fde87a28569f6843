"""Credit assignment: what the loss at each time tells the state at each earlier time."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData, plane, reads_backwards
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.triangle import defined_sides, triangle

TITLE = "Credit assignment"
NAME = "loss_state_gradient"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Loss time × state time, the diagonal is the present."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, NAME, TITLE)
    sides = defined_sides(run, backwards=reads_backwards(run, NAME, options.layer))
    return triangle(run, options, values=values, name=NAME, title=TITLE, sides=sides)


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "A row is one loss, read from its diagonal to the left: as far as it stays pale, the "
        "loss at that time still tells those states what to do. A thin pale band along the "
        "diagonal is a network that learns from the recent past alone."
    ),
    at_a_glance="A row is one loss: pale as far back as it is heard.",
    needs=(NAME,),
    draw=draw,
)
