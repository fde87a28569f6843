"""What a figure says where there is nothing to draw: not yet, not recorded, or not there at all."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from app.figures import layout
from app.figures.base import RunData
from app.figures.picture import Picture
from app.runs import RunStatus

NOT_YET = "No steps yet: the first arrives after 1 step"
ENDED_EARLY = "The run ended before its first frame: nothing was recorded"
# Of the states in which no step is made; what is over has one sentence of its own.
WAITING: Mapping[str, str] = MappingProxyType(
    {
        "queued": "Nothing yet: the run waits in the queue",
        "paused": "Nothing yet: the run is paused, and nothing arrives until it goes on",
        "interrupted": "Nothing yet: the run lost its worker and waits for another",
    }
)
NO_STEPS = "No training steps: this run looks at its start alone"


def nothing(run: RunData, statistic: str, title: str, *, figure: str | None = None) -> Picture:
    """Say why a statistic cannot be drawn; `meta.missing` names it where recording it would help.

    Args:
        run: the run that lacks it.
        statistic: what the figure is drawn from.
        title: the figure's title.
        figure: the figure's name, where that is another one.
    """
    name = figure or statistic
    is_there = run.recorded is None or statistic in run.recorded
    is_wanted = statistic in run.config.get("recording", {}).get("statistics", ())
    if is_undefined(run, statistic) or (is_wanted and not is_there):
        return layout.empty(title, f"{title}: not defined for this network", figure=name)
    if is_there:
        return layout.empty(title, not_yet(run), figure=name)
    words = f"This run did not record this: {title}"
    return layout.empty(title, words, figure=name, missing=statistic)


def not_yet(run: RunData) -> str:
    """Say that there is nothing so far, or that there will be nothing."""
    if run.status in WAITING:
        return WAITING[run.status]
    if run.config.get("training", {}).get("steps") == 0:
        return NO_STEPS
    return ENDED_EARLY if RunStatus(run.status).is_terminal else NOT_YET


def is_undefined(run: RunData, statistic: str) -> bool:
    """Whether a statistic is recorded and nowhere a number: this network has no such thing.

    A run that diverged has numbers before it did.
    """
    found = run.slices.get(statistic)
    values = None if found is None else np.asarray(found.values, dtype=np.float64)
    return values is not None and values.size > 0 and bool(np.isnan(values).all())
