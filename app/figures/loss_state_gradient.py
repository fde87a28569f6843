"""Credit assignment: what the loss at each time tells the state at each earlier time."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.figures import layout
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.layout import Part
from app.figures.pooling import pool

TITLE = "Credit assignment"
NAME = "loss_state_gradient"
HOVER = "loss at t = %{y}<br>state at k = %{x}<br>log10 %{z:.2f}<extra></extra>"


def draw(runs: Sequence[RunData], options: FigureOptions) -> go.Figure:
    """Loss time × state time, the diagonal is the present."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return layout.empty(TITLE, "No steps yet: the first arrives after 1 step", figure=NAME)
    losses, states = (coordinates(run, NAME, axis) for axis in ("loss_time", "state_time"))
    length = int(max(losses[-1], states[-1]))
    losses, values = _asked(losses, values)
    # A row's own present is what its past is measured against.
    present = np.searchsorted(states, losses).clip(0, states.size - 1)
    reference = values[np.arange(losses.size), present]
    future = states[np.newaxis, :] > losses[:, np.newaxis]
    # The future must not win a block of the pool as if it were a number gone wrong.
    z, shown, block = pool(np.where(future, -np.inf, values), states, 1)
    undefined = shown[np.newaxis, :] > losses[:, np.newaxis]
    z = np.where(undefined, np.nan, z)
    cells = Cells(z=z, x=shown, y=losses, reference=reference, along="y", undefined=undefined)
    parts = traces(cells, options, hover=HOVER)
    parts[0] |= {"showscale": True, "colorbar": colorbar(options, "")}
    first, last = losses[0], losses[-1]
    ticks = layout.time_ticks(length)
    rows = ticks if first < last else {"tickmode": "array", "tickvals": [last]}
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("state time k", range=[0.5, length + 0.5], **ticks),
            "yaxis": layout.axis("loss time t", range=[first - 0.5, last + 0.5], **rows),
            "annotations": _captions(losses, length) + layout.pooled_note(block),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        pooled=block,
    )


def _asked(losses: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Only the rows whose loss is asked: the others are zero by definition, not by vanishing."""
    asked = ~np.all(np.isneginf(values) | np.isnan(values), axis=1) | np.isnan(values[:, 0])
    return (losses[asked], values[asked]) if asked.any() else (losses, values)


def _captions(losses: FloatArray, length: int) -> list[Part]:
    if losses.size == 1:
        words = f"asked at t = {int(losses[0])} alone: one row"
        where = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        return [layout.note(words, 0, 1, **where)]
    if losses[0] > length / 2:
        return []
    words = "k > t: the future<br>cannot cause a loss"
    return [layout.note(words, 0.74 * length, losses[0] + 0.2 * (losses[-1] - losses[0]))]


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "A row is one loss, read from its diagonal to the left: as far as it stays pale, the "
        "loss at that time still tells those states what to do. A thin pale band along the "
        "diagonal is a network that learns from the recent past alone."
    ),
    needs=(NAME,),
    draw=draw,
)
