"""The course of a training: its series, step by step, as far as it has come.

Definition: a step is a spike where its gradient norm is over 100 × the running median, that of
    the 100 steps before (of at least 10). The last half are the steps from ⌊n/2⌋ on, the last
    tenth the ⌈n/10⌉ newest, of n steps done.
Source: definition.
"""

from array import array
from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from engine.arrays import Array
from engine.diagnosis.thresholds import SPIKE

WINDOW = 100  # steps before, that the running median is taken over
LEAST_WINDOW = 10  # fewer tell no median worth the name


class Course:
    """Collects the series that a verdict reads; add them frame by frame, in order.

    Attributes:
        seen: Names of the series that a course is made from.
    """

    seen = ("loss", "gradient_norm", "clip_factor")

    def __init__(self) -> None:
        """Start before the first step."""
        self._losses = array("d")
        self._norms = array("d")
        self._spikes = bytearray()
        self._clipped = bytearray()

    @property
    def steps(self) -> int:
        """Number of training steps done."""
        return len(self._losses)

    def add(self, series: Mapping[str, Array]) -> None:
        """Add rows of the series `seen`: losses, log10 of the gradient's norms, clip factors."""
        norms = np.asarray(series["gradient_norm"], dtype=np.float64)
        self._spikes.extend(self._are_spikes(norms).tobytes())
        self._norms.frombytes(norms.tobytes())
        self._losses.frombytes(np.asarray(series["loss"], dtype=np.float64).tobytes())
        self._clipped.extend((np.asarray(series["clip_factor"]) < 1).tobytes())

    def _are_spikes(self, norms: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        before = np.asarray(self._norms[-WINDOW:])
        known = np.concatenate([np.full(WINDOW - len(before), np.nan), before, norms])
        # No median lies under the least of them: mostly none is so far above that, and a look at
        # the two costs a tenth of the medians.
        if not len(norms) or np.fmax.reduce(norms) <= np.fmin.reduce(known) + np.log10(SPIKE):
            return np.zeros(len(norms), bool)
        windows = sliding_window_view(known, WINDOW)[: len(norms)]
        told = np.isfinite(windows).sum(axis=1) >= LEAST_WINDOW
        spikes = np.zeros(len(norms), bool)
        if told.any():
            # Where all are numbers the plain median says the same for a fifth of the time.
            median = np.median if np.isfinite(windows).all() else np.nanmedian
            spikes[told] = norms[told] > median(windows[told], axis=1) + np.log10(SPIKE)
        return spikes

    def spiking_share(self) -> float:
        """Return the share of spikes among the last half of the steps."""
        return _share(self._spikes)

    def clipped_share(self) -> float:
        """Return the share of clipped steps among the last half."""
        return _share(self._clipped)

    def late_loss(self) -> float:
        """Return the mean loss of the last tenth of the steps."""
        count = -(-self.steps // 10)
        return float(np.mean(np.frombuffer(self._losses)[-count:]))

    def first_lost_step(self) -> int | None:
        """Return the first step whose loss is not finite."""
        lost = np.flatnonzero(~np.isfinite(np.frombuffer(self._losses)))
        return int(lost[0]) if len(lost) else None


def _share(flags: bytearray) -> float:
    late = np.frombuffer(bytes(flags[len(flags) // 2 :]), np.uint8)
    return float(late.mean())
