"""Words in the plot of the decay stand clear of its lines and of each other."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from app.figures import FIGURES, FigureOptions
from tests.app.figures.make_runs import linear_run

# The plot in pixels, as the page draws it on a desktop and on a phone.
WIDE, HIGH, CHARACTER, TEXT = 290.0, 255.0, 5.5, 13.0
SHARE = {"right": 1.0, "center": 0.5, "left": 0.0, "top": 1.0, "middle": 0.5, "bottom": 0.0}
FACTORS = [[0.5, 0.7, 0.9], [0.97, 0.97], [0.7, 0.72], [1.0, 0.9], [1.3, 0.8], [0.1, 1.02]]


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_a_word_lies_on_no_line_and_on_no_other_word(factors: list[float]) -> None:
    drawn = FIGURES["decay"].draw([linear_run(factors, length=60)], FigureOptions(step=0))
    low, high = drawn.layout.yaxis.range
    units = np.array([WIDE / drawn.layout.xaxis.range[1], HIGH / (high - low)])
    boxes: list[NDArray[np.float64]] = []
    for note in drawn.layout.annotations:
        size = np.array([CHARACTER * len(re.sub(r"<[^>]*>", "", note.text)), TEXT])
        at = (np.array([note.x, note.y]) - [0, low]) * units + [note.xshift, note.yshift]
        corner = at - size * [SHARE[note.xanchor], SHARE[note.yanchor]]
        boxes.append(np.stack([corner, corner + size]))
    assert len(boxes) >= 4
    for index, box in enumerate(boxes):
        for other in boxes[:index]:
            assert (box[0] >= other[1]).any() or (other[0] >= box[1]).any()
        for line in drawn.data:
            if len(line.x) < 2:
                continue
            along = np.linspace(line.x[0], line.x[-1], 2000)
            points = np.column_stack([along, np.interp(along, line.x, line.y) - low]) * units
            within = ((points > box[0]) & (points < box[1])).all(axis=1)
            assert not within.any(), line.meta
