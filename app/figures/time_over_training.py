"""Heatmaps of a log10 norm: time step × training step, on the scale that all of them share."""

import numpy as np

from app.figures import layout
from app.figures.base import (
    FigureOptions,
    RunData,
    coordinates,
    last_asked,
    over_steps,
    reads_backwards,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.missing import is_undefined, nothing
from app.figures.picture import Picture
from app.figures.pooling import pool
from app.figures.training_axis import future, span_of_steps, whole_steps


def time_over_training(
    run: RunData, options: FigureOptions, *, name: str, title: str, words: str
) -> Picture:
    """A norm at every time step over the training; a ratio is to the last time asked."""
    steps, values = over_steps(run, name, layer=options.layer)
    times = coordinates(run, name, "time")
    if not values.size or is_undefined(run, name):
        return nothing(run, name, title)
    tau = last_asked(run, times, reads_backwards(run, name, options.layer))
    at = int(np.searchsorted(times, tau).clip(0, times.size - 1))
    reference, _, _ = pool(values[:, at], steps, 0)
    z, rows, tall = pool(values, times, 1)
    z, columns, wide = pool(z, steps, 0)
    cells = Cells(z=z.T, x=columns, y=rows, reference=reference, along="x")
    hover = f"step %{{x}}<br>t = %{{y}}<br>log10 {words} %{{z:.2f}}<extra></extra>"
    parts = traces(cells, options, hover=hover)
    parts[0]["meta"]["names"] = {"x": "step", "y": "t"}
    parts[0] |= {"showscale": True, "colorbar": colorbar(options, words)}
    length = int(run.config.get("task", {}).get("length", times[-1]))
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis(
                "training step", range=list(span_of_steps(run, name)), **whole_steps(run, name)
            ),
            "yaxis": layout.axis(
                "time step t", range=[0.5, length + 0.5], **layout.time_ticks(length)
            ),
            "annotations": future(run, name, "") + layout.pooled_note(max(tall, wide)),
        },
        title=title,
        figure=name,
        pooled=max(tall, wide),
    )
