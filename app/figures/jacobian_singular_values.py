"""Singular values of each step's Jacobian in one frame."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.heatmap import Cells, traces
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.pooling import pool

TITLE = "Singular values of the step's Jacobian"
NAME = "jacobian_singular_values"
# Two decades either way of 1: one step that does more is drawn in the end colours.
DECADES = 2.0
HOVER = "t = %{x}<br>rank %{y}<br>log10 σ %{z:.2f}<extra></extra>"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × rank, the largest on top, coloured around 1."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, NAME, TITLE)
    times, ranks = coordinates(run, NAME, "time"), coordinates(run, NAME, "rank")
    z, shown, wide = pool(values.T, times, 1)
    z, ranks, tall = pool(z, ranks, 0)
    # A singular value is a ratio by itself: to 1, whatever mode the others are shown in.
    cells = Cells(z=z, x=shown, y=ranks, reference=0.0)
    parts = traces(cells, options, hover=HOVER, limits=(-DECADES, DECADES))
    parts[0]["meta"] |= {"role": "plain", "names": {"x": "t", "y": "rank"}, "log10": True}
    bar = {"tickvals": [-2, -1, 0, 1, 2], "ticktext": ["≤ 0.01", "0.1", "1", "10", "≥ 100"]}
    parts[0] |= {"showscale": True, "colorbar": {"thickness": 10, "outlinewidth": 0, **bar}}
    first, last = float(ranks[0]), float(ranks[-1])
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("time step t", **layout.time_ticks(int(times[-1]))),
            "yaxis": layout.axis(
                "rank", range=[last + 0.5, first - 0.5], **layout.no_parts(int(np.ceil(last)))
            ),
            "annotations": layout.pooled_note(max(wide, tall)),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        pooled=max(wide, tall),
        has_bar=True,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "By how much one step back stretches a gradient in its best direction (rank 1) and in all "
        "others. All pale: the step turns and loses nothing. Blue from the top: every direction "
        "shrinks. A red top over a blue rest: one direction explodes while the others are lost."
    ),
    at_a_glance="Pale: one step back turns and loses nothing.",
    needs=(NAME,),
    draw=draw,
)
