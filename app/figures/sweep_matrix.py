"""What the runs of a sweep came to, over two of its axes: a heatmap with its numbers."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from app.figures import layout, palette, scale
from app.figures.base import FloatArray
from app.figures.heatmap import MASKS, mask
from app.figures.picture import Part, Picture

NAME: Final = "sweep_matrix"
_GRID: Final = 0.5  # decades
_FINE_GRID: Final = 0.1  # of a scale of less than one
_BEYOND: Final = 300.0  # decades that every number has room for
NOT_YET: Final = "No run of this sweep is over yet"
NONE_LEFT: Final = "The runs of this sweep are deleted"


class Look(NamedTuple):
    """How a value is drawn.

    Attributes:
        words: What it is called.
        log10: Whether its logarithm is drawn.
        limits: Ends of the widest scale.
        logs: Name of the value's logarithms, where they reach beyond any number's.
    """

    words: str
    log10: bool
    limits: tuple[float, float]
    logs: str = ""

    @property
    def is_around_one(self) -> bool:
        """Whether 1 is a middle that means something: its scale is even on both sides."""
        return self.limits[0] == -self.limits[1]


_SPAN: Final = Look("span", True, (-8.0, 8.0), logs="log10_span")

# A reach ends where the longest sequence does.
LOOKS: Final[Mapping[str, Look]] = {
    "final_loss": Look("final loss", True, (-4.0, 1.0)),
    "reach": Look("reach in time steps", False, (0.0, 1.0)),
    "decay": Look("decay per step", True, (-0.3, 0.3)),
    "span": _SPAN,
    _SPAN.logs: _SPAN,
    "success": Look("share that solves the task", False, (0.0, 1.0)),
}
HOW_TO_READ: Final = (
    "Each cell is the median over its runs (of success, the share of them). Empty: no run of it is "
    "over, or the combination was refused. Crossed: not finite. Hatched: exactly zero, on a scale "
    "of log10. The colours go over half decades that hold all cells."
)


def draw(
    values: Sequence[Sequence[float | None]],
    *,
    value: str,
    x: tuple[str, Sequence[str]],
    y: tuple[str, Sequence[str]],
    longest: int = 1,
    has_runs: bool = True,
) -> Picture:
    """Return the heatmap, rows upward.

    Args:
        values: [y, x]; None where there is nothing yet. The logarithms where the look has some.
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
        z = np.log10(plain) if look.log10 and not look.logs else plain
    kinds = scale.kinds(z, undefined=missing)
    columns, rows = np.arange(len(x[1]), dtype=float), np.arange(len(y[1]), dtype=float)
    shown = np.where(kinds == scale.Kind.FINITE, z, np.nan)
    low, high = (0.0, float(longest)) if value == "reach" else limits_of(look, shown)
    clamped = bool(np.any((shown < low) | (shown > high)))
    unit = f"log<sub>10</sub> {look.words}" if look.log10 else look.words
    ends = " (log10)" if look.log10 else ""
    cells: Part = {
        "type": "heatmap",
        "z": shown,
        "x": columns,
        "y": rows,
        "zmin": low,
        "zmax": high,
        "colorscale": palette.colorscale("ratio" if look.is_around_one else "magnitude"),
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "nticks": 5,
            "title": {"text": unit, "side": "right"},
        },
        "text": [[words_of(one, is_log10=bool(look.logs)) for one in row] for row in values],
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


def limits_of(look: Look, shown: FloatArray) -> tuple[float, float]:
    """Return the ends of a scale: of logarithms whole half decades that hold what is shown.

    They move by half a decade at a time, so that a grid that fills is seldom drawn anew, and end
    at the limits of the value. A scale around 1 stays even on both sides; shares have their own.

    Example:
        >>> limits_of(LOOKS["final_loss"], np.array([[-0.33, -0.9]]))
        (-1.0, 0.0)
        >>> limits_of(LOOKS["span"], np.array([[-2.2, 0.1]]))
        (-2.5, 2.5)
    """
    low, high = look.limits
    if not look.log10 or np.isnan(shown).all():
        return low, high
    grid = _GRID if high - low > 1 else _FINE_GRID
    first = float(np.floor(np.nanmin(shown) / grid) * grid)
    last = float(np.ceil(np.nanmax(shown) / grid) * grid) + 0.0  # no −0
    if look.is_around_one:
        first, last = min(first, -last), max(last, -first)
    if first == last:
        first, last = first - grid, last + grid
    # What lies beyond the limits altogether still has its end of the scale.
    return max(low, min(first, high - grid)), min(high, max(last, low + grid))


def words_of(value: float | None, *, is_log10: bool = False) -> str:
    """Return a number in four digits; nothing where there is none.

    >>> words_of(0.123456), words_of(float("inf")), words_of(None)
    ('0.1235', '∞', '')
    >>> words_of(-400.5, is_log10=True), words_of(float("-inf"), is_log10=True)
    ('3.162e-401', '0')
    """
    if value is None:
        return ""
    if is_log10 and _BEYOND < abs(value) < np.inf:
        exponent = int(np.floor(value))
        return f"{10 ** (value - exponent):.4g}e{exponent:+d}"
    number = 10.0**value if is_log10 else value
    return "∞" if number == np.inf else f"{number:.4g}"


def _axis(title: str, labels: Sequence[str]) -> Part:
    words = [layout.literal(label) for label in labels]
    ticks = {"tickmode": "array", "tickvals": list(range(len(words))), "ticktext": words}
    return layout.axis(layout.literal(title), **ticks)
