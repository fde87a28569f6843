"""Where the pre-activations lie at each time step, beside the slope that a gradient meets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.figures import layout, palette
from app.figures.activation import kind_of
from app.figures.activation_curves import activations
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.plain_map import plain_traces
from app.figures.pooling import pool

TITLE = "Pre-activations and the slope they meet"
NAME = "preactivation_histogram"
# What is seen of −8 … 8; what lies beyond is told in words.
END = 6.0
# A quarter of all in one bin of width ¼ is the brightest colour.
BRIGHTEST = 0.25


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Share of units in each bin of a, by time step; at the right all of them over φ′(a)."""
    run = runs[0]
    counts = plane(run, NAME, step=options.step, layer=options.layer)
    if counts is None:
        return nothing(run, NAME, TITLE)
    step = drawn_step(run, NAME, options.step)
    edges, times = coordinates(run, NAME, "bin"), coordinates(run, NAME, "time")
    with np.errstate(invalid="ignore"):
        totals = counts.sum(axis=1, keepdims=True)
        shares = np.where(totals > 0, counts / np.where(totals > 0, totals, 1), np.nan)
    width = float(np.diff(edges[1:3])[0])
    inner = np.isfinite(edges) & (edges < -edges[1])
    middles = edges[inner] + width / 2
    z, shown, block = pool(shares[:, inner].T, times, 1)
    known = shares[np.isfinite(shares).all(axis=1)]
    mean = known.mean(axis=0) if known.size else np.zeros(edges.size)
    beyond = float(mean[(edges < -END) | (edges >= END)].sum())
    cells = plain_traces(
        z,
        shown,
        middles,
        limits=(0.0, BRIGHTEST),
        hover="t = %{x}<br>a near %{y}<br>%{z:.1%} of the units<extra></extra>",
        names={"x": "t", "y": "a", "z": "share of units"},
    )
    cells[0]["showscale"] = False
    return layout.figure(
        [*cells, *_beside(middles, mean[inner] / BRIGHTEST, run.config)],
        {
            "xaxis": layout.axis(
                "time step t", domain=[0, 0.66], **layout.time_ticks(int(times[-1]))
            ),
            "yaxis": layout.axis("pre-activation a", range=[-END, END], dtick=2),
            "xaxis2": layout.axis(
                "φ′(a), and share ÷ ¼", domain=[0.71, 1], range=[0, 1.05], dtick=0.5
            ),
            "annotations": [*layout.pooled_note(block), *_beyond(beyond)],
        },
        title=TITLE,
        figure=NAME,
        step=step,
        pooled=block,
        beyond=beyond,
    )


def _beside(middles: FloatArray, heights: FloatArray, config: Mapping[str, Any]) -> list[Part]:
    """Bars of all time steps together, and the slope of the activation over the same a."""
    bars: Part = {
        "type": "bar",
        "orientation": "h",
        "x": heights,
        "y": middles,
        "width": float(np.diff(middles[:2])[0]),
        "name": "units",
        "xaxis": "x2",
        "marker": {"color": palette.BARS, "line": {"width": 0}},
        "hovertemplate": "a near %{y}<br>%{x:.2f} of ¼ of the units<extra></extra>",
        "meta": {"role": "slope"},
    }
    # A gated cell's candidate is a tanh.
    kind = kind_of(config)
    entry = next((e for e in activations() if e["name"] == kind), activations()[0])
    slope: Part = {
        "type": "scatter",
        "mode": "lines",
        "x": entry["curve"]["slope"],
        "y": entry["curve"]["a"],
        "name": "φ′(a)",
        "xaxis": "x2",
        "line": {"width": 2.4, "color": palette.VANISHING},
        "hovertemplate": "a = %{y}<br>φ′ = %{x:.3f}<extra></extra>",
        "meta": {"role": "measured"},
    }
    return [bars, slope]


def _beyond(share: float) -> list[Part]:
    """Say how much lies outside of what is seen."""
    if share <= 0:
        return []
    where = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return [layout.note(f"{share:.1%} beyond ±{END:g}", 0, 1, **where)]


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "A column is one time step: bright where most units' pre-activations lie. At the right "
        "the same units stand over the slope φ′: mass where the curve is high passes the "
        "gradient, mass in its flat ends is saturation."
    ),
    at_a_glance="A column is one time step; mass under the flat ends of φ′ is saturation.",
    needs=(NAME,),
    draw=draw,
)
