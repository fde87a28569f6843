"""Share of units of every layer that pass no gradient at any probe time and sample."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.lines import LEGEND, many
from app.figures.missing import is_undefined, nothing
from app.figures.picture import Picture
from app.figures.training_axis import steps_axis

TITLE = "Dead units"
NAME = "dead_units"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """A line for each layer, over the frames."""
    run = runs[0]
    found = run.slices.get(NAME)
    if found is None or not found.values.size:
        return nothing(run, NAME, TITLE)
    if is_undefined(run, NAME):
        words = "Units of this activation cannot die: its slope is nowhere exactly 0"
        return layout.empty(TITLE, words, figure=NAME)
    steps = np.asarray(found.coords["step"], dtype=np.float64)
    values = np.asarray(found.values, dtype=np.float64)
    layers = found.coords["layer"]
    series = [(f"layer {layer}", steps, values[:, i]) for i, layer in enumerate(layers)]
    return layout.figure(
        many(series)[0],
        {
            "xaxis": steps_axis([run]),
            "yaxis": layout.axis("share dead", range=[-0.02, 1.02], showgrid=True, nticks=5),
            "showlegend": len(layers) > 1,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "A ReLU that is off for every sample at every time learns no more, for no gradient "
        "reaches it. A line that climbs is a network that shrinks; above one half the verdict "
        "says so."
    ),
    at_a_glance="A ReLU that is always off learns no more.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
