"""Where a recorded array has no value by definition: null on the wire, which NaN is not."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.store import Run, Slice


def undefined(array: Slice, run: Run) -> NDArray[np.bool_] | None:
    """Return where a slice is not defined, in its shape; None where all of it is.

    A loss does not depend on the states after it; a task of values has no accuracy; an activation
    without flat parts has no saturation.
    """
    if "state_time" in array.axes:
        return _after_the_loss(array, run.facts.get("last_asked"))
    if array.name in run.facts.get("undefined", ()):
        return np.ones(array.values.shape, dtype=np.bool_)
    return None


def _after_the_loss(array: Slice, last_asked: int | None) -> NDArray[np.bool_] | None:
    """Return where state time > loss time; `last_loss_gradient` is of the last loss asked for."""
    state = _along(array, "state_time")
    if "loss_time" in array.axes:
        after = state > _along(array, "loss_time")
    elif last_asked is not None:
        after = state > last_asked
    else:
        return None
    return np.broadcast_to(after, array.values.shape)


def _along(array: Slice, axis: str) -> NDArray[Any]:
    shape = [1] * len(array.axes)
    shape[list(array.axes).index(axis)] = -1
    return np.asarray(array.coords[axis]).reshape(shape)
