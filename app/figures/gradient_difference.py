"""By how much the gradient of one run is larger than that of another, over time and training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.figures import layout, scale
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    over_steps,
)
from app.figures.heatmap import Cells, traces
from app.figures.loss_levels import common_levels, first_at, recent_losses
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.pooling import pool
from app.figures.training_axis import whole_steps

TITLE = "Difference of the gradients"
NAME = "gradient_difference"
NORM = "hidden_gradient_norm"
# Decades either way of alike; what is further apart has the end colours.
DECADES = 8.0
HOVER = "<br>t = %{y}<br>log10 of second ÷ first %{z:.2f}<extra></extra>"
MOST_TICKS = 5


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Second run less first run, log10 of the norms, on the times that both have.

    Columns are the training steps that both have recorded, or the losses that both come down to.
    """
    first, second = runs
    if NORM not in first.slices or NORM not in second.slices:
        return nothing(first if NORM not in first.slices else second, NORM, TITLE, figure=NAME)
    (_, a), (_, b) = (over_steps(run, NORM, layer=options.layer) for run in runs)
    times, other_times = (coordinates(run, NORM, "time") for run in runs)
    columns = _at_losses(runs) if options.align == "loss" else _at_steps(runs)
    rows, row, other_row = np.intersect1d(times, other_times, return_indices=True)
    if not columns.x.size or not rows.size:
        return layout.empty(TITLE, columns.lacking, figure=NAME)
    ours, theirs = a[np.ix_(columns.first, row)], b[np.ix_(columns.second, other_row)]
    with np.errstate(invalid="ignore"):
        # Two exact zeros are alike; against a number a zero is infinitely far away.
        apart = np.where(np.isneginf(ours) & np.isneginf(theirs), 0.0, theirs - ours)
    z, rows, tall = pool(apart.T, rows, 0, signed=True)
    z, x, wide = pool(z, columns.x, 1, signed=True)
    cells = Cells(z=z, x=x, y=rows, reference=0.0)
    parts = traces(cells, options, hover=columns.hover, limits=(-DECADES, DECADES))
    parts[0]["meta"] |= {"role": "plain", "names": {"x": columns.name, "y": "t"}, "log10": True}
    bar = {"tickvals": [-8, -4, 0, 4, 8], "ticktext": ["≤ 10⁻⁸", "10⁻⁴", "1", "10⁴", "≥ 10⁸"]}
    parts[0] |= {"showscale": True, "colorbar": {"thickness": 10, "outlinewidth": 0, **bar}}
    return layout.figure(
        parts,
        {
            "xaxis": columns.axis,
            "yaxis": layout.axis("time step t", **layout.time_ticks(int(rows[-1]))),
            "annotations": layout.pooled_note(max(tall, wide)),
        },
        title=f"{TITLE}: {second.name} ÷ {first.name}",
        figure=NAME,
        runs=[run.id for run in runs],
        pooled=max(tall, wide),
        has_bar=True,
    )


class Columns(NamedTuple):
    """What stands in each column: of each run the frame, and where that is on the axis."""

    x: FloatArray
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    axis: Part
    name: str
    hover: str
    lacking: str


def _at_steps(runs: Sequence[RunData]) -> Columns:
    """Both runs at every training step that both have recorded."""
    steps, others = (coordinates(run, NORM, "step") for run in runs)
    shared, at, there = np.intersect1d(steps, others, return_indices=True)
    axis = layout.axis("training step", **whole_steps(runs[0], NORM))
    lacking = "No step that both runs have recorded yet"
    return Columns(shared, at, there, axis, "step", f"step %{{x}}{HOVER}", lacking)


def _at_losses(runs: Sequence[RunData]) -> Columns:
    """Each run where it first comes down to a loss, of all that both come down to."""
    losses = [
        np.array(recent_losses(run, coordinates(run, NORM, "step")), dtype=np.float64)
        for run in runs
    ]
    levels = common_levels(losses)[::-1]
    at, there = (first_at(each, levels) for each in losses)
    x = np.log10(levels)
    ticks = x[np.unique(np.linspace(0, max(x.size - 1, 0), MOST_TICKS).astype(int))[: x.size]]
    ends = scale.edges(x)[[-1, 0]].tolist() if x.size else [1, 0]
    axis = layout.axis(
        "training loss, mean of 100 steps",
        range=ends,  # training goes on to the right
        tickmode="array",
        tickvals=ticks,
        ticktext=[f"{10**tick:.2g}" for tick in ticks],
    )
    lacking = "No loss that both runs have come down to yet"
    hover = f"log10 of the loss %{{x:.2f}}{HOVER}"
    return Columns(x, at, there, axis, "log10 of the loss", hover, lacking)


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Red where the second run's gradient is larger, blue where it is smaller, pale where both "
        "are alike. Hatched: exactly zero in the second run alone. A red lower half is a change "
        "that lets early time steps be heard. By loss, each run stands where it first comes "
        "down to the loss under the column: what differs there is no matter of speed."
    ),
    at_a_glance="Red: the second run's gradient is larger; blue: it is smaller.",
    needs=(NORM, "loss"),
    draw=draw,
    runs=(2, 2),
    frames="all",
)
