"""Share of saturated units at every time step over the training."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, palette
from app.figures.base import FigureDefinition, FigureOptions, RunData, coordinates, over_steps
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.pooling import pool
from app.figures.training_axis import span_of_steps, whole_steps

TITLE = "Saturation"
NAME = "saturation"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × training step, from 0 to all units saturated."""
    run = runs[0]
    steps, values = over_steps(run, NAME, layer=options.layer)
    times = coordinates(run, NAME, "time")
    if not values.size:
        return nothing(run, NAME, TITLE)
    if np.isnan(values).all():
        words = "This activation cannot saturate: its slope never comes near zero"
        return layout.empty(TITLE, words, figure=NAME)
    values, times, rows = pool(values, times, 1)
    values, steps, columns = pool(values, steps, 0)
    share = {
        "type": "heatmap",
        "z": values.T.astype(np.float32),
        "x": steps,
        "y": times,
        "zmin": 0,
        "zmax": 1,
        "colorscale": palette.colorscale("magnitude"),
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickformat": ".0%"},
        "hovertemplate": "step %{x}<br>t = %{y}<br>%{z:.1%} saturated<extra></extra>",
        "meta": {"role": "share"},
    }
    return layout.figure(
        [share],
        {
            "xaxis": layout.axis(
                "training step", range=list(span_of_steps(run, NAME)), **whole_steps(run, NAME)
            ),
            "yaxis": layout.axis("time step t", **layout.time_ticks(int(times[-1]))),
        },
        title=TITLE,
        figure=NAME,
        pooled=max(rows, columns),
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Bright cells are time steps at which most units stand where their activation is flat, "
        "so that hardly any gradient passes. For ReLU one half is what random weights give."
    ),
    at_a_glance="Bright: most units stand where their activation is flat.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
