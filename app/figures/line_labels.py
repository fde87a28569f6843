"""Words on the lines themselves instead of a legend box, each where it is clear of all lines.

Places are tried on a plot of the size the page gives it: along the line, on each of its sides.
A word takes the place that is farthest from every line and from the words placed before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from app.figures import layout, palette
from app.figures.base import FloatArray
from app.figures.picture import Part

# The plot's size in pixels where it is smallest: the desktop's third of a row, and the phone.
WIDE, HIGH = 290.0, 255.0
# A character and a line of text at the axis size, in pixels.
CHARACTER, TEXT_HEIGHT = 5.8, 15.0
# A line is followed in steps of so many pixels; one shorter than this gets no word.
SPACING, STUB = 5.0, 36.0
# Places along a line, and how far from it a word may stand.
PLACES, SHIFTS = 11, (4.0, 11.0)
# So far from every line a word is clear; farther from the others only settles ties.
CLEAR, AMPLE = 4.0, 30.0
SIDES = tuple(product((-1, 0, 1), (-1, 1)))
# At each place: on which side of the line, and how far from it; and the same as arrays.
TRIED = tuple(product(SIDES, SHIFTS))
FACING = np.array([side for side, _ in TRIED])
OFFSETS = np.array([np.multiply(side, shift) for side, shift in TRIED])
X_ANCHORS = {-1: "right", 0: "center", 1: "left"}
Y_ANCHORS = {-1: "top", 0: "middle", 1: "bottom"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word, and the points in the plot's own units that it may stand beside.

    `role` is that of the line it names; a word for something else has places of its own.
    """

    words: str
    role: str
    xs: FloatArray
    ys: FloatArray
    is_line: bool = True


def place(
    wanted: Sequence[Wanted], traces: Sequence[Part], depth: float, window: tuple[float, float]
) -> list[Part]:
    """A note for each word that has a line to stand at; the first ones choose first."""
    low, high = window
    units = np.array([WIDE / max(depth, 1e-9), HIGH / (high - low)])
    lines = {trace["meta"]["role"]: _path(trace["x"], trace["y"], units, low) for trace in traces}
    taken: list[FloatArray] = []
    notes = []
    for one in wanted:
        own = _path(one.xs, one.ys, units, low, is_line=one.is_line)
        if one.is_line and len(own) * SPACING < STUB:
            continue
        others = [path for role, path in lines.items() if role != one.role or not one.is_line]
        found = _best(own, _size(one.words), (own if one.is_line else own[:0], others), taken)
        if found is None:
            continue
        at, side, shift, box, clearance = found
        taken.append(box)
        notes.append(
            layout.note(
                one.words,
                float(at[0] / units[0]),
                float(at[1] / units[1] + low),
                name=f"label-{one.role}",
                xanchor=X_ANCHORS[side[0]],
                yanchor=Y_ANCHORS[side[1]],
                xshift=side[0] * shift,
                yshift=side[1] * shift,
                borderpad=0,
                # Where there is no clear place the word stands on the card's own ground.
                **({} if clearance >= 1 else {"bgcolor": palette.CARD}),
            )
        )
    return notes


def _path(
    xs: object, ys: object, units: FloatArray, low: float, *, is_line: bool = True
) -> FloatArray:
    """Points in pixels every few along a line, those outside the plot left out [n, 2]."""
    line = np.column_stack([np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)])
    line = line[np.isfinite(line).all(axis=1)]
    line = (line - [0, low]) * units
    if is_line and len(line) > 1:
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        # A line that leaves the plot for good is not followed to its far end.
        steps = np.arange(0, min(along[-1], 100 * (WIDE + HIGH)), SPACING)
        line = np.column_stack([np.interp(steps, along, line[:, i]) for i in (0, 1)])
    inside = ((line >= -1) & (line <= [WIDE + 1, HIGH + 1])).all(axis=1)
    return line[inside]


def _size(words: str) -> FloatArray:
    return np.array([CHARACTER * len(re.sub(r"<[^>]*>", "", words)), TEXT_HEIGHT])


Place = tuple[FloatArray, tuple[int, int], float, FloatArray, float]


def _best(
    path: FloatArray,
    size: FloatArray,
    lines: tuple[FloatArray, Sequence[FloatArray]],
    taken: Sequence[FloatArray],
) -> Place | None:
    """The place whose box is clear of its own line, of the others and of the boxes taken.

    Among clear places it is the one that is farthest from the others and nearest to its own.
    """
    if not len(path):
        return None
    picked = path[np.linspace(0, len(path) - 1, min(PLACES, len(path))).round().astype(int)]
    anchors = (picked[:, np.newaxis] + OFFSETS).reshape(-1, 2)
    # The box hangs on its anchor by the side that faces the line.
    lower = anchors - size * (1 - np.tile(FACING, (len(picked), 1))) / 2
    boxes = np.stack([lower, lower + size], axis=1)
    inside = ((boxes[:, 0] >= 0) & (boxes[:, 1] <= [WIDE, HIGH])).all(axis=1)
    own, others = lines
    apart = _distance(boxes, _as_boxes([*others, own[:0]]))
    if taken:
        apart = np.minimum(apart, _distance(boxes, np.stack(taken)))
    clearance = np.minimum(apart, _distance(boxes, _as_boxes([own])))
    shifts = np.tile([shift for _, shift in TRIED], len(picked))
    order = np.minimum(clearance, CLEAR) * AMPLE + np.minimum(apart, AMPLE) - shifts
    order = np.where(inside, order, order - AMPLE * AMPLE)
    best = int(np.argmax(order))
    side, shift = TRIED[best % len(TRIED)]
    return picked[best // len(TRIED)], side, shift, boxes[best], float(clearance[best])


def _as_boxes(paths: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate(paths)[:, np.newaxis].repeat(2, axis=1)


def _distance(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Of each box [n, 2, 2] from the nearest of the others [m, 2, 2]; 0 where they overlap."""
    if not len(others):
        return np.full(len(boxes), np.inf)
    apart = [
        np.maximum(
            np.maximum(
                boxes[:, 0, i, np.newaxis] - others[:, 1, i],
                others[:, 0, i] - boxes[:, 1, i, np.newaxis],
            ),
            0,
        )
        for i in (0, 1)
    ]
    nearest: FloatArray = np.sqrt((apart[0] ** 2 + apart[1] ** 2).min(axis=1))
    return nearest
