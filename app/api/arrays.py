"""Arrays in JSON bodies: nested lists of numbers, all of one length at each depth."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import ConfigError, Problem


def array_of(value: object, pointer: str) -> NDArray[Any]:
    """Return nested lists of numbers as an array of doubles.

    Raises:
        ConfigError: Something else, or lists of several lengths.
    """
    shape = _shape_of(value, pointer)
    try:
        return np.array(value, dtype=np.float64).reshape(shape)
    except (ValueError, OverflowError) as err:
        raise ConfigError([Problem(pointer, "expected lists of one length at each depth")]) from err


def _shape_of(value: object, pointer: str) -> tuple[int, ...]:
    """Return the shape of the first entries, and see that every leaf is a number."""
    level, shape = [value], []
    while level and isinstance(level[0], list):
        if not all(isinstance(each, list) for each in level):
            raise ConfigError([Problem(pointer, "expected lists of one depth")])
        shape.append(len(level[0]))
        level = [item for each in level if isinstance(each, list) for item in each]
    if not all(isinstance(each, int | float) for each in level):
        raise ConfigError([Problem(pointer, "expected numbers in nested lists")])
    return tuple(shape)
