"""Lyapunov exponents of the states' own dynamics in one frame."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, palette
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.lines import LEGEND
from app.figures.missing import nothing
from app.figures.picture import Part, Picture

TITLE = "Lyapunov spectrum"
NAME = "lyapunov_spectrum"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Exponent of every rank, largest first, with the latest frame behind it."""
    run = runs[0]
    row = plane(run, NAME, step=options.step, layer=options.layer)
    if row is None:
        return nothing(run, NAME, TITLE)
    ranks = coordinates(run, NAME, "rank")
    step, latest = drawn_step(run, NAME, options.step), drawn_step(run, NAME, None)
    last = plane(run, NAME, step=None, layer=options.layer)
    parts = _spectrum(ranks, row, "measured", f"step {step}")
    if latest != step and last is not None:
        parts = _spectrum(ranks, last, "latest", f"step {latest}")[:1] + parts
    finite = row[np.isfinite(row)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 0.0)
    room = 0.1 * max(high - low, 0.5)
    low, high = min(low, 0.0) - room, max(high, 0.0) + room
    parts[-1]["y"] = np.where(np.isneginf(row[~np.isfinite(row)]), low, high)
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis(
                "rank", range=[0.5, ranks[-1] + 0.5], **layout.no_parts(int(ranks[-1]))
            ),
            "yaxis": layout.axis("exponent, ln per step", range=[low, high], showgrid=True),
            "shapes": [_zero()],
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
        step=step,
    )


def _spectrum(ranks: FloatArray, row: FloatArray, role: str, name: str) -> list[Part]:
    gone = ~np.isfinite(row)
    color = palette.VANISHING if role == "measured" else palette.MUTED
    line: Part = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": ranks,
        "y": np.where(gone, np.nan, row),
        "name": name,
        "line": {"width": 1.6, "color": color},
        "marker": {"size": 4, "color": color},
        "hovertemplate": "rank %{x}<br>%{y:.4f} per step<extra></extra>",
        "meta": {"role": role},
    }
    crosses: Part = {
        "type": "scatter",
        "mode": "markers",
        "x": ranks[gone],
        "y": np.full(int(gone.sum()), np.nan),
        "text": ["singular" if np.isneginf(value) else "not finite" for value in row[gone]],
        "name": "not finite",
        "showlegend": False,
        "marker": {"symbol": "x", "size": 7, "color": palette.NOT_FINITE},
        "hovertemplate": "rank %{x}<br>%{text}<extra></extra>",
        "meta": {"role": "nonfinite-points"},
    }
    return [line, crosses]


def _zero() -> Part:
    """The border between shrinking and growing."""
    ends = {"xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
    rule = {"width": 1, "dash": "dash", "color": palette.MUTED}
    return {"type": "line", "name": "baseline", "line": rule, **ends}


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "How fast small differences of the state grow per step in each direction. The first under "
        "0: all is forgotten at that rate. The first above 0: chaos, and gradients that explode. "
        "Several at 0 are directions that remember."
    ),
    at_a_glance="Above 0 explodes, under 0 forgets.",
    needs=(NAME,),
    draw=draw,
    frames="one and latest",
)
