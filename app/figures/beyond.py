"""Where an axis of the loss ends when a few steps explode, and the marks of those beyond it.

One loss of 1e9 would press a whole training into a flat line. Such an axis ends at 100 times the
loss that all but a twentieth of the steps stay under; the numbers stay as they are, a triangle at
the upper edge stands for each step beyond, and a caption says how many there are and how far they
went.
"""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, palette
from app.figures.base import FloatArray
from app.figures.picture import Part

# The loss that so large a share of the steps stays under is an ordinary one.
ORDINARY_SHARE = 0.95
# Beyond so many times an ordinary loss a step is no part of the training's course.
TIMES = 100.0
# Of fewer steps one cannot say what is ordinary.
FEWEST = 20
# So many marks are enough to see where the explosions are.
MOST_MARKS = 50


def end_of_axis(losses: FloatArray) -> float | None:
    """Return where the axis ends for the sake of the others; None where it holds them all."""
    good = losses[np.isfinite(losses) & (losses > 0)]
    if good.size < FEWEST:
        return None
    end = TIMES * float(np.quantile(good, ORDINARY_SHARE))
    return end if float(good.max()) > end else None


def marks(steps: FloatArray, losses: FloatArray, end: float, **axes: str) -> Part:
    """Return a triangle at the upper edge for each step beyond; of many, for the largest."""
    over = np.flatnonzero(np.isfinite(losses) & (losses > end))
    kept = np.sort(over[np.argsort(losses[over])[::-1][:MOST_MARKS]])
    return {
        "type": "scatter",
        "mode": "markers",
        "x": steps[kept],
        "y": np.full(kept.size, end),
        "text": [f"{value:.4g}" for value in losses[kept]],
        "hovertemplate": "step %{x}<br>%{text}, beyond the axis<extra></extra>",
        "marker": {"symbol": "triangle-up", "size": 8, "color": palette.EXPLODING},
        "name": "beyond the axis",
        "meta": {"role": "beyond"},
        **axes,
    }


def caption(losses: FloatArray, end: float, **where: object) -> list[Part]:
    """Say how many steps lie beyond the axis, and how far the furthest went."""
    over = losses[np.isfinite(losses) & (losses > end)]
    count = f"{over.size} step" + ("s" if over.size != 1 else "")
    words = f"▲ {count} beyond, up to {layout.amount(float(over.max()))}"
    return [layout.note(words, 0.5, 1, name="label-beyond", **where)]


def ends(parts: Sequence[FloatArray]) -> tuple[float, float]:
    """Return the least and the largest positive loss of several runs; a decade where none is."""
    together = np.concatenate([*(part.ravel() for part in parts), np.empty(0)])
    good = together[np.isfinite(together) & (together > 0)]
    return (float(good.min()), float(good.max())) if good.size else (0.1, 1.0)
