"""The tiny picture of a run: the last frame's gradient from the first time step to the last one.

Every run has the same scale, ±8 decades about the gradient at the last time asked, so that two
rows can be compared: a straight fall to the left is exponential vanishing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 112
HEIGHT = 30
DECADES = 8.0
# Room for the stroke, so that a line at the limit is not cut in half.
_MARGIN = 2.0
_HEALTHY_DECADES = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sparkline:
    """An SVG path, with the healthy band behind it."""

    path: str
    band_top: float
    band_height: float
    last_x: float
    last_y: float
    width: int = WIDTH
    height: int = HEIGHT


def sparkline(values: Sequence[float | None] | None) -> Sparkline | None:
    """Return the picture of log10 values over time steps, or None where nothing can be drawn.

    A true zero (−inf) is drawn at the bottom, an infinity at the top, what is not a number is a
    gap. The reference is the last value that is finite.
    """
    known = [math.nan if value is None else float(value) for value in values or ()]
    finite = [index for index, value in enumerate(known) if math.isfinite(value)]
    if not finite:
        return None
    last = finite[-1]
    points = known[: last + 1]
    step = (WIDTH - 2 * _MARGIN) / max(len(points) - 1, 1)
    parts: list[str] = []
    pen = "M"
    for index, value in enumerate(points):
        if math.isnan(value):
            pen = "M"
            continue
        parts.append(f"{pen}{_MARGIN + index * step:.1f} {_height(value - known[last]):.1f}")
        pen = "L"
    band_top = _height(_HEALTHY_DECADES)
    return Sparkline(
        path="".join(parts),
        band_top=round(band_top, 1),
        band_height=round(_height(-_HEALTHY_DECADES) - band_top, 1),
        last_x=round(_MARGIN + last * step, 1),
        last_y=round(_height(0.0), 1),
    )


def _height(decades: float) -> float:
    """Return the y of a ratio, larger ratios higher up, clamped at the ends of the scale."""
    share = (DECADES - max(-DECADES, min(DECADES, decades))) / (2 * DECADES)
    return _MARGIN + share * (HEIGHT - 2 * _MARGIN)
