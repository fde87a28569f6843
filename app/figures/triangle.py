"""Heatmaps over loss time and state time: a triangle, since the future cannot cause a loss.

Of a layer that reads the sequence backwards it is the other triangle, and where layers of two
directions are stacked the whole square.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.figures import layout
from app.figures.base import (
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    is_stacked_both_ways,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.picture import Part, Picture
from app.figures.pooling import pool

Sides = Literal["", "<", ">", "<>"]
BoolArray = NDArray[np.bool_]


def triangle(  # what the two figures differ by
    run: RunData,
    options: FigureOptions,
    *,
    values: FloatArray,
    name: str,
    title: str,
    words: str = "",
    sides: Sides = "<",
    **meta: object,
) -> Picture:
    """Draw a plane [loss_time, state_time] of log10 magnitudes; a row's ratio is to its present.

    Args:
        run: the run the plane belongs to.
        options: what the reader chose.
        values: the plane; NaN where the state's time lies after the loss's.
        name: the statistic, whose coordinates the axes have.
        title: the figure's title.
        words: what a cell holds, for the colour bar; "" for none.
        sides: on which sides of the loss states are defined: k < t, k > t, both, or k = t alone.
        meta: what the page is told besides.
    """
    losses, states = (coordinates(run, name, axis) for axis in ("loss_time", "state_time"))
    length = int(max(losses[-1], states[-1]))
    losses, values = _asked(losses, values, sides)
    # A row's own present is what its past is measured against.
    present = np.searchsorted(states, losses).clip(0, states.size - 1)
    reference = values[np.arange(losses.size), present]
    # What is not defined must not win a block of the pool as if it were a number gone wrong.
    absent = _beyond(states, losses, sides)
    z, shown, block = pool(np.where(absent, -np.inf, values), states, 1)
    undefined = _beyond(shown, losses, sides)
    if not sides:
        undefined |= np.abs(shown[np.newaxis, :] - losses[:, np.newaxis]) >= max(block / 2, 1)
    z = np.where(undefined, np.nan, z)
    cells = Cells(z=z, x=shown, y=losses, reference=reference, along="y", undefined=undefined)
    what = f"<br>{words}" if words else ""
    hover = f"loss at t = %{{y}}<br>state at k = %{{x}}{what}<br>log10 %{{z:.2f}}<extra></extra>"
    parts = traces(cells, options, hover=hover)
    parts[0]["meta"]["names"] = {"x": "state k", "y": "loss t"}
    parts[0] |= {"showscale": True, "colorbar": colorbar(options, words)}
    first, last = losses[0], losses[-1]
    ticks = layout.time_ticks(length)
    rows = ticks if first < last else {"tickmode": "array", "tickvals": [last]}
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("state time k", range=[0.5, length + 0.5], **ticks),
            "yaxis": layout.axis("loss time t", range=[first - 0.5, last + 0.5], **rows),
            "annotations": _captions(losses, length, sides) + layout.pooled_note(block),
        },
        title=title,
        figure=name,
        step=drawn_step(run, name, options.step),
        pooled=block,
        **meta,
    )


def defined_sides(run: RunData, *, backwards: bool) -> Sides:
    """On which sides of a loss the states of a layer are defined."""
    if is_stacked_both_ways(run):
        return "<>"
    return ">" if backwards else "<"


def _beyond(states: FloatArray, losses: FloatArray, sides: Sides) -> BoolArray:
    """Where a state lies on a side of the loss that is not defined, [losses, states]."""
    state, loss = states[np.newaxis, :], losses[:, np.newaxis]
    after, before = state > loss, state < loss
    return (after & (">" not in sides)) | (before & ("<" not in sides))


def _asked(losses: FloatArray, values: FloatArray, sides: Sides) -> tuple[FloatArray, FloatArray]:
    """Only the rows whose loss is asked: the others are zero by definition, not by vanishing."""
    asked = ~np.all(np.isneginf(values) | np.isnan(values), axis=1)
    if sides:
        # A row that is NaN from its first state on went wrong; it is drawn, not left out.
        asked |= np.isnan(values[:, -1 if sides == ">" else 0])
    return (losses[asked], values[asked]) if asked.any() else (losses, values)


def _captions(losses: FloatArray, length: int, sides: Sides) -> list[Part]:
    if losses.size == 1:
        words = f"asked at t = {int(losses[0])} alone"
        where = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        return [layout.note(words, 0, 1, **where)]
    if losses[0] > length / 2 or ">" in sides:
        return []
    words = "k > t: the future<br>cannot cause a loss"
    return [layout.note(words, 0.74 * length, losses[0] + 0.2 * (losses[-1] - losses[0]))]
