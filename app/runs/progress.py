"""How far a run is, and how long the rest will take."""

import time
from collections import deque
from collections.abc import Callable

from app.store.claims import Progress

# Often enough for an eye; a transaction costs as much as several training steps.
PROGRESS_SECONDS = 0.5
RATE_POINTS = (
    40  # some twenty seconds of progress: long enough to be steady, short enough to be true
)


Listener = Callable[[Progress], None]


class Pace:
    """Says how far the run is, now and then, and how long the rest will take."""

    def __init__(self, steps: int, seconds: float) -> None:
        """Start; `seconds` pass between two answers."""
        self._steps, self._seconds = steps, seconds
        self._points: deque[tuple[float, int]] = deque(maxlen=RATE_POINTS)

    def at(self, step: int, loss: Callable[[], float | None]) -> Progress | None:
        """Return the progress at a step; None where the last answer is too new."""
        now = time.monotonic()
        if self._points and now - self._points[-1][0] < self._seconds:
            return None
        self._points.append((now, step))
        started, first = self._points[0]
        eta = None
        if step > first:
            eta = (self._steps - step) * (now - started) / (step - first)
        return Progress(step=step, steps=self._steps, loss=loss(), eta_seconds=eta)
