"""Heatmaps over loss time and state time: a triangle, since the future cannot cause a loss."""

import numpy as np
import plotly.graph_objects as go

from app.figures import layout
from app.figures.base import FigureOptions, FloatArray, RunData, coordinates, drawn_step
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.layout import Part
from app.figures.pooling import pool


def triangle(  # what the two figures differ by
    run: RunData,
    options: FigureOptions,
    *,
    values: FloatArray,
    name: str,
    title: str,
    words: str = "",
    present_alone: bool = False,
    **meta: object,
) -> go.Figure:
    """Draw a plane [loss_time, state_time] of log10 magnitudes; a row's ratio is to its present.

    Args:
        run: the run the plane belongs to.
        options: what the reader chose.
        values: the plane; NaN where the state's time lies after the loss's.
        name: the statistic, whose coordinates the axes have.
        title: the figure's title.
        words: what a cell holds, for the colour bar; "" for none.
        present_alone: there is k = t alone (a read-out's terms); the past is no number either.
        meta: what the page is told besides.
    """
    losses, states = (coordinates(run, name, axis) for axis in ("loss_time", "state_time"))
    length = int(max(losses[-1], states[-1]))
    losses, values = _asked(losses, values, present_alone)
    # A row's own present is what its past is measured against.
    present = np.searchsorted(states, losses).clip(0, states.size - 1)
    reference = values[np.arange(losses.size), present]
    future = states[np.newaxis, :] > losses[:, np.newaxis]
    # The future must not win a block of the pool as if it were a number gone wrong.
    absent = future | (present_alone & (states[np.newaxis, :] < losses[:, np.newaxis]))
    z, shown, block = pool(np.where(absent, -np.inf, values), states, 1)
    undefined = shown[np.newaxis, :] > losses[:, np.newaxis]
    if present_alone:
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
            "annotations": _captions(losses, length) + layout.pooled_note(block),
        },
        title=title,
        figure=name,
        step=drawn_step(run, name, options.step),
        pooled=block,
        **meta,
    )


def _asked(
    losses: FloatArray, values: FloatArray, present_alone: bool
) -> tuple[FloatArray, FloatArray]:
    """Only the rows whose loss is asked: the others are zero by definition, not by vanishing."""
    asked = ~np.all(np.isneginf(values) | np.isnan(values), axis=1)
    if not present_alone:
        # A row that is NaN from its first state on went wrong; it is drawn, not left out.
        asked |= np.isnan(values[:, 0])
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
