"""The series of a training: one row for each training step, collected between frames."""

from array import array
from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.learning.snapshot import Snapshot

Scalars = tuple[float | None, ...]

SCALARS = ("loss", "accuracy", "baseline", "clip_factor", "learning_rate", "gradient_norm")
PARAMETER_NORMS = "parameter_gradient_norm"
"""Follows the others in a row; from the gradient's norm on a row is told in logarithms."""
LOGARITHMIC = slice(SCALARS.index("gradient_norm"), None)


FOLDED_AT_ONCE = 64
"""Rows that are put together at once: after a sweep all that a row takes is out of the caches."""


class SeriesBuffer:
    """Rows of the per-step statistics since they were last taken."""

    def __init__(self, parameters: Sequence[str]) -> None:
        """Start without rows; `parameters` is the order of the parameter axis."""
        self._parameters = tuple(parameters)
        self._width = len(SCALARS) + len(self._parameters)
        # One flat run of doubles, and the newest as they came: frames may be a million steps apart.
        self._values = array("d")
        self._newest: list[tuple[Scalars, dict[str, float]]] = []
        self._next = 0

    def add(self, snapshot: Snapshot) -> None:
        """Note the row of a snapshot whose batch belongs to the series."""
        self._newest.append((_scalars(snapshot), dict(snapshot.parameter_gradient_norms)))
        self._next = snapshot.step + 1
        if len(self._newest) == FOLDED_AT_ONCE:
            self._fold()

    def _fold(self) -> None:
        rows = [(*told, *[norms[n] for n in self._parameters]) for told, norms in self._newest]
        self._values.frombytes(np.array(rows, np.float64).tobytes())  # in which None is NaN
        self._newest = []

    def take(self, step: int) -> tuple[int, dict[str, Array]]:
        """Return the first row's step and all rows, and forget them.

        Args:
            step: Step of the frame that takes them: where an empty stretch starts.
        """
        self._fold()
        table = np.frombuffer(self._values).reshape(-1, self._width)  # which are nobody else's now
        self._values = array("d")
        start = self._next - len(table) if len(table) else step
        norms = table[:, LOGARITHMIC]
        with np.errstate(divide="ignore"):  # a gradient of exactly zero is −inf
            np.log10(norms, norms)
        scalars = _read_only(table[:, : len(SCALARS)].T)
        columns: dict[str, Array] = dict(zip(SCALARS, scalars, strict=True))
        columns[PARAMETER_NORMS] = _read_only(table[:, len(SCALARS) :])
        return start, columns


def _scalars(snapshot: Snapshot) -> Scalars:
    """Return the numbers of `SCALARS`, in that order."""
    return (
        snapshot.loss,
        snapshot.accuracy,
        snapshot.baseline,
        snapshot.clip_factor,
        snapshot.learning_rate,
        snapshot.gradient_norm,
    )


def _read_only(columns: Array) -> Array:
    kept = np.ascontiguousarray(columns)
    kept.setflags(write=False)
    return kept
