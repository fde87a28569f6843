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
    present = np.searchsorted(states, losses).clip(0, states.size - 1)
    reference = values[np.arange(losses.size), present]
    future = states[np.newaxis, :] > losses[:, np.newaxis]
    # The future must not win a block of the pool as if it were a number gone wrong.
    z, shown, block = pool(np.where(future, -np.inf, values), states, 1)
    undefined = shown[np.newaxis, :] > losses[:, np.newaxis]
    z = np.where(undefined, np.nan, z)
    rows, z, reference, undefined = _thick(losses, z, reference, undefined)
    cells = Cells(z=z, x=shown, y=rows, reference=reference, along="y", undefined=undefined)
    parts = traces(cells, options, hover=HOVER)
    parts[0] |= {"showscale": True, "colorbar": colorbar(options, "")}
    ticks = layout.time_ticks(length)
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("state time k", range=[0.5, length + 0.5], **ticks),
            "yaxis": layout.axis("loss time t", range=[0.5, length + 0.5], **ticks),
            "annotations": _captions(losses, length),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        pooled=block,
        sampled=bool(losses.size < length and losses.size > 1),
    )


def _thick(
    losses: FloatArray, z: FloatArray, reference: FloatArray, undefined: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """A single loss time gets a second, undefined row below, so that it is drawn one step high."""
    if losses.size != 1:
        return losses, z, reference, undefined
    below = np.array([losses[0] - 1])
    blank = np.full_like(z, np.nan)
    return (
        np.concatenate([below, losses]),
        np.concatenate([blank, z]),
        np.concatenate([[np.nan], reference]),
        np.concatenate([np.ones_like(undefined), undefined]),
    )


def _captions(losses: FloatArray, length: int) -> list[Part]:
    if losses.size == 1:
        words = f"the loss is asked at t = {int(losses[0])} only"
        return [layout.note(words, (length + 1) / 2, (length + 1) / 2, name="caption")]
    words = "k > t: the future<br>cannot cause a loss"
    return [layout.note(words, 0.74 * length, 0.2 * length, name="caption")]


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
