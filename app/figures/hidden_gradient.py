"""Gradient at every unit and time step of one frame."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, scale
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    last_asked,
    plane,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.pooling import pool

TITLE = "Units at one step"
NAME = "hidden_gradient"
HOVER = "t = %{x}<br>unit %{customdata}<br>log10 %{z:.2f}<extra></extra>"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × unit, the unit with the smallest mean at the bottom."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, NAME, TITLE)
    times = coordinates(run, NAME, "time")
    units = coordinates(run, NAME, "unit")
    precision = str(run.config.get("training", {}).get("precision", "float32"))
    floor = scale.resolution_floor(values, precision)[:, 0]
    tau = last_asked(run, times)
    reference = mean_of_logs(values[np.searchsorted(times, tau).clip(0, times.size - 1)])
    order = np.argsort(_height(values), kind="stable")
    z, shown_times, block_t = pool(values[:, order], times, 0)
    z, ranks, block_u = pool(z, np.arange(units.size), 1)
    floors, _, _ = pool(floor, times, 0)
    cells = Cells(z=z.T, x=shown_times, y=ranks, reference=reference, along="x", floor=floors)
    parts = traces(cells, options, hover=HOVER)
    if block_u == 1:
        names = np.broadcast_to(units[order][:, np.newaxis], parts[0]["z"].shape)
        # As few bytes as the names need: there are as many of them as numbers.
        parts[0]["customdata"] = names.astype(np.min_scalar_type(units.size))
    parts[0] |= {"showscale": True, "colorbar": colorbar(options, "")}
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis(
                "time step t",
                range=[0.5, float(times[-1]) + 0.5],
                **layout.time_ticks(int(times[-1])),
            ),
            "yaxis": layout.axis(
                "unit (smallest at bottom)",
                range=[-0.5, units.size - 0.5],
                **layout.step_ticks(units.size - 1, most=4),
            ),
            "annotations": layout.pooled_note(max(block_t, block_u)),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        pooled=max(block_t, block_u),
        order=order.tolist(),
    )


def mean_of_logs(row: FloatArray) -> float:
    """log10 of the mean magnitude of a row of log10 magnitudes, without leaving the logs.

    Exact zeros count; a row of zeros gives −inf, one with NaN or infinity gives NaN.
    """
    if not row.size or np.isnan(row).any() or np.isposinf(row).any():
        return float("nan")
    largest = float(row.max())
    if np.isneginf(largest):
        return largest
    return largest + float(np.log10(np.mean(10.0 ** (row - largest))))


def _height(values: FloatArray) -> FloatArray:
    """A unit's place in the order: its mean of logs, exact zeros as far down as it goes."""
    finite = np.isfinite(values)
    lowest = values[finite].min() - 1 if finite.any() else 0.0
    height: FloatArray = np.where(finite, values, lowest).mean(axis=0)
    return height


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Each row is a hidden unit. A whole dark row is a unit that carries no gradient at "
        "any time; a picture that only fades to the left vanishes through time instead. "
        "Hatched cells are exact zeros, dotted ones lie under the resolution of the numbers."
    ),
    at_a_glance="A row is one unit; a dark row carries no gradient at any time.",
    needs=(NAME,),
    draw=draw,
)
