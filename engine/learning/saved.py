"""How the parts of a training's state are written down and read."""

from collections.abc import Mapping

import numpy as np

from engine.arrays import Array
from engine.errors import ShapeError


def copy_in(state: Mapping[str, object], name: str, target: Array) -> None:
    """Fill `target` with an array of a state.

    Raises:
        ShapeError: It has another shape or type.
    """
    source = np.asarray(state.get(name))
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ShapeError(
            f"{name}: expected {target.dtype} of shape {target.shape}, "
            f"got {source.dtype} of shape {source.shape}: a state of another configuration"
        )
    np.copyto(target, source)


def written(state: Mapping[str, object]) -> dict[str, object]:
    """Write a bit generator's state so that any JSON keeps it: its numbers have 128 bits."""
    return {
        key: written(value) if isinstance(value, Mapping) else str(value)
        for key, value in state.items()
    }


def read(text: Mapping[str, object]) -> dict[str, object]:
    """Read what `written` wrote."""

    def read_value(value: object) -> object:
        if isinstance(value, Mapping):
            return read(value)
        found = str(value)
        return int(found) if found.isdigit() else found

    return {key: read_value(value) for key, value in text.items()}
