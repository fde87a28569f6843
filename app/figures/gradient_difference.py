"""By how much the gradient of one run is larger than that of another, over time and training."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.base import FigureDefinition, FigureOptions, RunData, coordinates, over_steps
from app.figures.heatmap import Cells, traces
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.pooling import pool
from app.figures.training_axis import whole_steps

TITLE = "Difference of the gradients"
NAME = "gradient_difference"
NORM = "hidden_gradient_norm"
# Decades either way of alike; what is further apart has the end colours.
DECADES = 8.0
HOVER = "step %{x}<br>t = %{y}<br>log10 of second ÷ first %{z:.2f}<extra></extra>"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Second run less first run, log10 of the norms, on the steps and times that both have."""
    first, second = runs
    if NORM not in first.slices or NORM not in second.slices:
        return nothing(first if NORM not in first.slices else second, NORM, TITLE, figure=NAME)
    (steps, a), (others, b) = (over_steps(run, NORM, layer=options.layer) for run in runs)
    times, other_times = (coordinates(run, NORM, "time") for run in runs)
    shared, at, there = np.intersect1d(steps, others, return_indices=True)
    rows, row, other_row = np.intersect1d(times, other_times, return_indices=True)
    if not shared.size or not rows.size:
        return layout.empty(TITLE, "No step that both runs have recorded yet", figure=NAME)
    ours, theirs = a[np.ix_(at, row)], b[np.ix_(there, other_row)]
    with np.errstate(invalid="ignore"):
        # Two exact zeros are alike; against a number a zero is infinitely far away.
        apart = np.where(np.isneginf(ours) & np.isneginf(theirs), 0.0, theirs - ours)
    z, rows, tall = pool(apart.T, rows, 0, signed=True)
    z, columns, wide = pool(z, shared, 1, signed=True)
    cells = Cells(z=z, x=columns, y=rows, reference=0.0)
    parts = traces(cells, options, hover=HOVER, limits=(-DECADES, DECADES))
    parts[0]["meta"] |= {"role": "plain", "names": {"x": "step", "y": "t"}, "log10": True}
    bar = {"tickvals": [-8, -4, 0, 4, 8], "ticktext": ["≤ 10⁻⁸", "10⁻⁴", "1", "10⁴", "≥ 10⁸"]}
    parts[0] |= {"showscale": True, "colorbar": {"thickness": 10, "outlinewidth": 0, **bar}}
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("training step", **whole_steps(first, NORM)),
            "yaxis": layout.axis("time step t", **layout.time_ticks(int(rows[-1]))),
            "annotations": layout.pooled_note(max(tall, wide)),
        },
        title=f"{TITLE}: {second.name} ÷ {first.name}",
        figure=NAME,
        runs=[run.id for run in runs],
        pooled=max(tall, wide),
        has_bar=True,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Red where the second run's gradient is larger, blue where it is smaller, pale where both "
        "are alike. Hatched: exactly zero in the second run alone. A red lower half is a change "
        "that lets early time steps be heard."
    ),
    at_a_glance="Red: the second run's gradient is larger; blue: it is smaller.",
    needs=(NORM,),
    draw=draw,
    runs=(2, 2),
    frames="all",
)
