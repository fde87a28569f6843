"""The loss that one number tells of a run: its mean over the newest training steps.

A single batch's loss scatters so much that it may lie far under a baseline that was never beaten.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

RECENT_STEPS = 100  # with batches of some ten samples their mean is good to a few percent


class RecentLosses:
    """The losses of the newest training steps, as they come."""

    def __init__(self, earlier: Iterable[float] = ()) -> None:
        """Start after `earlier` ones: those before the step that a resumed run goes on from."""
        self._losses = deque(earlier, maxlen=RECENT_STEPS)

    def add(self, loss: float) -> None:
        """Note the loss of the next training step."""
        self._losses.append(loss)

    def mean(self) -> float | None:
        """Return their mean; None before the first."""
        return mean_recent_loss(self._losses)


def mean_recent_loss(losses: ArrayLike | deque[float]) -> float | None:
    """Return the mean of the last `RECENT_STEPS` losses, of fewer where there are not as many.

    Returns:
        None where there is none; the last loss itself where that is not finite.

    Example:
        >>> mean_recent_loss([1.0, 3.0]), mean_recent_loss([1.0, float("inf")])
        (2.0, inf)
    """
    recent = np.array(losses, dtype=np.float64)[-RECENT_STEPS:]
    if not recent.size:
        return None
    if not np.isfinite(recent[-1]):
        return float(recent[-1])
    return float(np.sum(recent / recent.size))  # divided first: finite losses do not overflow
