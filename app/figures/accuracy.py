"""Share of right answers over the training, of the training batch and the held-out set."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.base import FigureDefinition, FigureOptions, RunData, over_steps
from app.figures.lines import LEGEND, many
from app.figures.missing import is_undefined, nothing
from app.figures.picture import Picture
from app.figures.training_axis import steps_axis

TITLE = "Accuracy"
NAME = "accuracy"
HELD_OUT = "validation_accuracy"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """A line of every training step, and one of the frames for the held-out set."""
    run = runs[0]
    series = [
        (words, *over_steps(run, name, layer=options.layer))
        for name, words in ((NAME, "training batch"), (HELD_OUT, "held out"))
    ]
    series = [one for one in series if one[2].size and not np.isnan(one[2]).all()]
    if not series:
        if is_undefined(run, NAME):
            words = "This task has no classes: there is no right or wrong to count"
            return layout.empty(TITLE, words, figure=NAME)
        return nothing(run, NAME, TITLE)
    return layout.figure(
        many(series)[0],
        {
            "xaxis": steps_axis([run]),
            "yaxis": layout.axis("share right", range=[-0.02, 1.02], showgrid=True, nticks=5),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "1 is all right. A line that stays where guessing would put it has learned nothing that "
        "needs memory; a held-out line far under the other one has learned by heart."
    ),
    at_a_glance="1 is all right; held out far under it is by heart.",
    needs=(NAME, HELD_OUT),
    draw=draw,
    frames="all",
)
