"""Words on the lines themselves instead of a legend box, where there is room for them."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.layout import Part

# A line is looked at in so many places to find room for its word; one seen over less than this
# share of the axis gets none. A word is this share of the plot high.
SAMPLES, STUB, ROOM_FOR_WORDS = 200, 0.12, 0.09


def label(
    trace: Part, words: str, share: float, window: tuple[float, float], name: str
) -> list[Part]:
    """A word on a line itself, at a share of its visible length; none on a stub of a line."""
    xs, ys = np.asarray(trace["x"], dtype=np.float64), np.asarray(trace["y"], dtype=np.float64)
    if xs.size < 2:  # a point is no line
        return []
    seen = np.linspace(xs[0], xs[-1], SAMPLES)
    heights = np.interp(seen, xs, ys)
    with np.errstate(invalid="ignore"):
        inside = np.flatnonzero((heights > window[0]) & (heights < window[1]))
    if inside.size < STUB * SAMPLES:
        return []
    at = inside[round(share * (inside.size - 1))]
    rising = bool(heights[inside[-1]] > heights[inside[0]])
    place = _beside(name, rising=rising)
    return [layout.note(words, float(seen[at]), float(heights[at]), name=name, **place)]


def _beside(name: str, *, rising: bool) -> Part:
    """On which side of its line a word has room."""
    if name == "label-bound":
        return {"xanchor": "left", "yanchor": "top" if rising else "bottom", "xshift": 6}
    if name == "label-measured":
        # Under a falling line the corner at the left is free, under a rising one the right.
        return {
            "xanchor": "left" if rising else "right",
            "yanchor": "top",
            "xshift": 6 if rising else -6,
        }
    return {"xanchor": "right", "yanchor": "top" if name == "label-latest" else "bottom"}


def is_free(lines: Sequence[Part], low: float, high: float) -> bool:
    """Whether no line passes between two heights in the right third of the plot."""
    for line in lines:
        xs = np.asarray(line["x"], dtype=np.float64)
        if xs.size < 2 or line["meta"]["role"].endswith("points"):
            continue
        right = np.linspace(xs[0] + (xs[-1] - xs[0]) * 2 / 3, xs[-1], SAMPLES)
        heights = np.interp(right, xs, np.asarray(line["y"], dtype=np.float64))
        with np.errstate(invalid="ignore"):
            if bool(((heights > low) & (heights < high)).any()):
                return False
    return True
