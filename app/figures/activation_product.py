"""What T slopes in a row leave of a gradient: φ′(a) to the power of the distance."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.figures import layout, palette
from app.figures.activation_curves import activations, short_name
from app.figures.base import FigureDefinition, FigureOptions, FloatArray, RunData
from app.figures.lines import LEGEND
from app.figures.picture import Part, Picture
from app.wire import finite

TITLE = "Product of the slopes over the steps"
NAME = "activation_product"
# Ends of the axis in decades; fixed, so that two choices compare.
LOW, HIGH = -20.0, 2.0


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 φ′(a)^d for every activation, from d = 0 to T."""
    distances = np.arange(options.length + 1, dtype=np.float64)
    entries = activations()
    slopes = {str(entry["name"]): slope_at(entry, options.at) for entry in entries}
    parts: list[Part] = []
    for index, entry in enumerate(entries):
        slope = slopes[str(entry["name"])]
        color = palette.RUNS[index % len(palette.RUNS)]
        parts.append(_line(short_name(entry), slope, distances, color, index))
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("steps back", range=[0, options.length], showgrid=True),
            "yaxis": layout.axis(
                f"φ′({options.at:g})<sup>d</sup>",
                range=[LOW, HIGH],
                showgrid=True,
                **layout.power_ticks(LOW, HIGH),
            ),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
        log10=True,
        slopes=slopes,
        products={name: finite(product(slope, options.length)) for name, slope in slopes.items()},
    )


def slope_at(entry: Mapping[str, Any], at: float) -> float:
    """φ′ at the catalog's point next to a pre-activation; a tenth apart, they are what one sets."""
    points = np.asarray(entry["curve"]["a"], dtype=np.float64)
    return float(entry["curve"]["slope"][int(np.argmin(np.abs(points - at)))])


def product(slope: float, length: int) -> float:
    """log10 of a slope to the power of a length; −inf where that is exactly zero."""
    return length * math.log10(slope) if slope > 0 else -math.inf


def _line(title: str, slope: float, distances: FloatArray, color: str, index: int) -> Part:
    """One activation's line; a slope of 0 leaves exactly nothing, marked on the lower edge."""
    if slope == 0:
        return {
            "type": "scatter",
            "mode": "markers",
            "x": distances[1:],
            "y": np.full(distances.size - 1, LOW),
            "name": f"{title} (exactly 0)",
            "marker": {"symbol": "triangle-down-open", "size": 7, "color": color},
            "cliponaxis": False,
            "hovertemplate": f"{title}<br>d = %{{x}}<br>exactly 0<extra></extra>",
            "meta": {"role": "zero"},
        }
    dashes = ("solid", "dash", "dot")
    return {
        "type": "scatter",
        "mode": "lines",
        "x": distances,
        "y": distances * math.log10(slope),
        "name": title,
        # Nine lines need more than eight colours, and colour alone says nothing to some.
        "line": {"width": 1.8, "color": color, "dash": dashes[index % len(dashes)]},
        "hovertemplate": f"{title}<br>d = %{{x}}<br>log10 %{{y:.2f}}<extra></extra>",
        "meta": {"role": "line"},
    }


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "With every pre-activation at a and weights that neither shrink nor grow, this is what is "
        "left of a gradient d steps back. A straight line down is exponential vanishing; only a "
        "slope of exactly 1 stays level."
    ),
    at_a_glance=("A straight line down is exponential vanishing; only a slope of 1 stays level."),
    needs=(),
    draw=draw,
    runs=(0, 0),
)
