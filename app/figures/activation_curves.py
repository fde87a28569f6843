"""Every activation function φ and its derivative φ′, side by side."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import engine
from app.figures import layout, palette
from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Part, Picture

TITLE = "Activation functions and their slopes"
NAME = "activation_curves"
COLUMNS = 3
# What is seen: most of every bend, and where φ′ of a sigmoid is a quarter.
ACROSS = (-4.0, 4.0)
UPWARD = (-1.25, 2.25)
GAP = 0.08


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """A small plot for each function: φ thin, φ′ strong, and a line at the chosen a."""
    entries = activations()
    rows = -(-len(entries) // COLUMNS)
    traces: list[Part] = []
    axes: dict[str, Part] = {}
    notes: list[Part] = []
    shapes: list[Part] = []
    for index, entry in enumerate(entries):
        row, column = divmod(index, COLUMNS)
        number = "" if index == 0 else str(index + 1)
        across, upward = _span(column, COLUMNS), _span(rows - 1 - row, rows)
        axes[f"xaxis{number}"] = layout.axis(
            "a" if index + COLUMNS >= len(entries) else "",
            range=list(ACROSS),
            domain=list(across),
            anchor=f"y{number}",
            dtick=4,
            showticklabels=index + COLUMNS >= len(entries),
        )
        axes[f"yaxis{number}"] = layout.axis(
            "", range=list(UPWARD), domain=list(upward), anchor=f"x{number}", dtick=1, showgrid=True
        )
        traces += _curves(entry, number)
        shapes.append(_at(options.at, number))
        words = f"<b>{short_name(entry)}</b>  γ = {entry['gamma']:g}"
        where = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        notes.append(layout.note(words, across[0], upward[1], name="heading", **where))
    return layout.figure(
        traces, {**axes, "annotations": notes, "shapes": shapes}, title=TITLE, figure=NAME
    )


@lru_cache(maxsize=1)
def activations() -> list[Mapping[str, Any]]:
    """The catalog's activation functions with their points."""
    entries: Any = engine.catalog()["activations"]
    return list(entries)


def short_name(entry: Mapping[str, Any]) -> str:
    """An activation's name as a small plot has room for it."""
    return str(entry["name"]).replace("_", " ")


def _span(index: int, count: int) -> tuple[float, float]:
    """Where one of several stands on an axis from 0 to 1, with room for its heading above."""
    width = (1 - GAP * count) / count
    start = index * (width + GAP)
    return start, start + width


def _curves(entry: Mapping[str, Any], number: str) -> list[Part]:
    lines = (("value", "φ", "validation_loss", 1.4), ("slope", "φ′", "measured", 2.4))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": entry["curve"]["a"],
            "y": entry["curve"][key],
            "name": f"{short_name(entry)} {name}",
            "line": {"width": width, "color": palette.VANISHING},
            "hovertemplate": f"a = %{{x}}<br>{name} = %{{y:.4g}}<extra></extra>",
            "xaxis": f"x{number}",
            "yaxis": f"y{number}",
            "meta": {"role": role},
        }
        for key, name, role, width in lines
    ]


def _at(at: float, number: str) -> Part:
    return {
        "type": "line",
        "xref": f"x{number}",
        "yref": f"y{number} domain",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "name": "mean",
        "line": {"width": 1.2, "dash": "dot", "color": palette.TEXT},
    }


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Thin is the function φ, strong its slope φ′, which a gradient is multiplied by at every "
        "step back. γ is the largest slope: under 1 every step loses, at 1 it can be kept; where "
        "the strong line lies on 0 nothing passes."
    ),
    at_a_glance="Thin is φ, strong its slope φ′, which a gradient is multiplied by.",
    needs=(),
    draw=draw,
    runs=(0, 0),
)
