"""What the runs of a sweep came to, over two of its axes: a heatmap with its numbers."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import plotly.graph_objects as go

from app.figures import layout, palette, scale
from app.figures.heatmap import MASKS, mask
from app.figures.layout import Part

NAME: Final = "sweep_matrix"
NOT_YET: Final = "No run of this sweep is over yet"
NONE_LEFT: Final = "The runs of this sweep are deleted"


class Look(NamedTuple):
    """How a value is drawn: its words, whether as log10, and the ends of its scale."""

    words: str
    log10: bool
    limits: tuple[float, float]


# Fixed for each value, so that two sweeps compare. A reach ends where the longest sequence does.
LOOKS: Final[Mapping[str, Look]] = {
    "final_loss": Look("final loss", True, (-4.0, 1.0)),
    "reach": Look("reach in time steps", False, (0.0, 1.0)),
    "decay": Look("decay per step", True, (-0.3, 0.3)),
    "span": Look("span", True, (-8.0, 8.0)),
    "success": Look("share that solves the task", False, (0.0, 1.0)),
}
HOW_TO_READ: Final = (
    "Each cell is the median over its runs (of success, the share of them). Empty: no run of it is "
    "over, or the combination was refused. Crossed: not finite. Hatched: exactly zero."
)


def draw(
    values: Sequence[Sequence[float | None]],
    *,
    value: str,
    x: tuple[str, Sequence[str]],
    y: tuple[str, Sequence[str]],
    longest: int = 1,
    has_runs: bool = True,
) -> go.Figure:
    """Return the heatmap, rows upward.

    Args:
        values: [y, x]; None where there is nothing yet.
        value: which of `LOOKS` they are.
        x: name and labels of the columns.
        y: name and labels of the rows.
        longest: the longest reach there can be.
        has_runs: whether the sweep has any.
    """
    look = LOOKS[value]
    plain = np.array([[np.nan if one is None else one for one in row] for row in values], float)
    missing = np.array([[one is None for one in row] for row in values])
    if missing.all():
        return layout.empty(look.words, NOT_YET if has_runs else NONE_LEFT, figure=NAME)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.log10(plain) if look.log10 else plain
    kinds = scale.kinds(z, undefined=missing)
    low, high = (0.0, float(longest)) if value == "reach" else look.limits
    columns, rows = np.arange(len(x[1]), dtype=float), np.arange(len(y[1]), dtype=float)
    shown = np.where(kinds == scale.Kind.FINITE, z, np.nan)
    clamped = bool(np.any((shown < low) | (shown > high)))
    ends = " (log10)" if look.log10 else ""
    cells: Part = {
        "type": "heatmap",
        "z": shown,
        "x": columns,
        "y": rows,
        "zmin": low,
        "zmax": high,
        "colorscale": palette.colorscale("ratio" if low < 0 < high == -low else "magnitude"),
        "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5},
        "text": [[words_of(one) for one in row] for row in values],
        "texttemplate": "%{text}",
        "hoverongaps": False,
        "hovertemplate": f"{look.words} %{{text}}<extra></extra>",
        "meta": {"role": "cells"},
    }
    borders = (scale.edges(columns), scale.edges(rows))
    masks = [mask(kinds, *each, borders, ("x", "y")) for each in MASKS if (kinds == each[0]).any()]
    return layout.figure(
        [cells, *masks],
        {
            "xaxis": _axis(*x),
            "yaxis": _axis(*y),
            "margin": {"l": 110, "r": 14, "t": 44, "b": 42},
        },
        title=look.words + ends + (", ends clamped" if clamped else ""),
        figure=NAME,
        has_bar=True,
    )


def words_of(value: float | None) -> str:
    """Return a number in four digits; nothing where there is none.

    >>> words_of(0.123456), words_of(float("inf")), words_of(None)
    ('0.1235', '∞', '')
    """
    if value is None:
        return ""
    return "∞" if value == np.inf else f"{value:.4g}"


def _axis(title: str, labels: Sequence[str]) -> Part:
    ticks = {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": list(labels)}
    return layout.axis(title, **ticks)
