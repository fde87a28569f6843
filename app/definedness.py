"""Where a recorded array has no value by definition: null on the wire, which NaN is not."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.store import Run, Slice


def undefined(array: Slice, run: Run) -> NDArray[np.bool_] | None:
    """Return where a slice is not defined, in its shape; None where all of it is.

    A loss does not depend on the states after it, of a layer that reads backwards on those before
    it; a task of values has no accuracy; an activation without flat parts has no saturation.
    """
    if "state_time" in array.axes:
        return _out_of_reach(array, run)
    if array.name in run.facts.get("undefined", ()):
        return np.ones(array.values.shape, dtype=np.bool_)
    return None


def _out_of_reach(array: Slice, run: Run) -> NDArray[np.bool_] | None:
    """Return where a loss does not depend on a state; `last_loss_gradient` is of one loss alone."""
    model = run.config["model"]
    state, backwards = _along(array, "state_time"), _reading_backwards(array)
    if model.get("bidirectional") and model.get("layers", 1) > 1:
        # What one direction brings to a state the other carries on; the read-out has k = t.
        return None
    if "loss_time" in array.axes:
        loss = _along(array, "loss_time")
    elif run.facts.get("last_asked") is not None:
        first, last = int(run.facts.get("first_asked", 1)), int(run.facts["last_asked"])
        loss = np.where(backwards, first, last)
    else:
        return None
    beyond: NDArray[np.bool_] = np.where(backwards, state < loss, state > loss)
    return np.broadcast_to(beyond, array.values.shape)


def _reading_backwards(array: Slice) -> NDArray[np.bool_]:
    """Return which layers, or whose parameters, read the sequence backwards, along their axis."""
    for axis, mark in (("layer", "r"), ("parameter", "_reverse")):
        if axis in array.axes:
            of = [str(name).endswith(mark) for name in array.coords[axis]]
            shape = [1] * len(array.axes)
            shape[list(array.axes).index(axis)] = -1
            return np.array(of).reshape(shape)
    return np.array(False)


def _along(array: Slice, axis: str) -> NDArray[Any]:
    shape = [1] * len(array.axes)
    shape[list(array.axes).index(axis)] = -1
    return np.asarray(array.coords[axis]).reshape(shape)
