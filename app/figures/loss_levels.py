"""Where runs come down to one loss: what tells runs of other speed from runs of other nature."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.figures.base import FloatArray, RunData, over_steps
from app.runs.recent_loss import RECENT_STEPS, mean_recent_loss

LEVELS = 50
# A level is made of logarithms: the loss that it was made of is still at it.
ROUNDING = 1 + 1e-9


def recent_losses(run: RunData, asked: FloatArray) -> list[float | None]:
    """What the run's tile says at each step: the mean loss of the last steps until then."""
    steps, loss = over_steps(run, "loss", layer=0)
    ends = np.searchsorted(steps, asked, side="right")
    return [mean_recent_loss(loss[max(0, end - RECENT_STEPS) : end]) for end in ends]


def common_levels(losses: Sequence[FloatArray]) -> FloatArray:
    """Losses that all runs come down to, from where the first of them begins, evenly as log10.

    Args:
        losses: of each run, frame by frame; what is not finite or not positive is passed over.

    Returns:
        Falling; empty where a run has no loss.

    Example:
        >>> common_levels([np.array([1.0, 0.5]), np.array([0.2, 0.1])])[[0, -1]].tolist()
        [1.0, 0.5]
    """
    usable = [each[np.isfinite(each) & (each > 0)] for each in losses]
    if not all(each.size for each in usable):
        return np.empty(0)
    highest = max(float(each[0]) for each in usable)
    lowest = max(float(each.min()) for each in usable)
    return np.geomspace(highest, lowest, LEVELS if lowest < highest else 1)


def first_at(losses: FloatArray, levels: FloatArray) -> NDArray[np.intp]:
    """The first frame of a run that is as good as each level, of levels that it comes down to."""
    with np.errstate(invalid="ignore"):
        reached = (losses > 0) & (losses <= levels[:, np.newaxis] * ROUNDING)
    found: NDArray[np.intp] = np.argmax(reached, axis=1)
    return found
