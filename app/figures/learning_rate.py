"""The learning rate that the schedule gave every update."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.base import FigureDefinition, FigureOptions, RunData, over_steps
from app.figures.lines import many
from app.figures.loss import POWER
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.training_axis import steps_axis

TITLE = "Learning rate"
NAME = "learning_rate"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 of the rate at every training step."""
    run = runs[0]
    steps, rates = over_steps(run, NAME, layer=options.layer)
    if not rates.size:
        return nothing(run, NAME, TITLE)
    # A schedule may end at 0: an update of exactly nothing, on the lower edge.
    with np.errstate(divide="ignore", invalid="ignore"):
        parts, (low, high) = many([("learning rate", steps, np.log10(rates))], value=POWER)
    return layout.figure(
        parts,
        {
            "xaxis": steps_axis([run]),
            "yaxis": layout.axis(
                "η", range=[low, high], showgrid=True, **layout.power_ticks(low, high)
            ),
        },
        title=TITLE,
        figure=NAME,
        log10=True,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "How far an update goes for a given gradient. Where the loss starts to jump while this is "
        "high, the rate is the cause; where the loss stands still while this is tiny, it too."
    ),
    at_a_glance="How far an update goes for a given gradient.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
