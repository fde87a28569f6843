"""Array types, the shape check that public doors use, and the coordinates of the layer axis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ShapeError

Array = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]


def layer_axis(layers: int, bidirectional: bool) -> tuple[int | str, ...]:
    """Return the coordinates of the layer axis, names where layers read both ways.

    Example:
        >>> layer_axis(2, False), layer_axis(2, True)
        ((0, 1), ('0', '0r', '1', '1r'))
    """
    if not bidirectional:
        return tuple(range(layers))
    return tuple(f"{layer}{side}" for layer in range(layers) for side in ("", "r"))


def require_shape(name: str, array: NDArray[Any], expected: tuple[int | None, ...]) -> None:
    """Raise unless `array` has the `expected` shape.

    Args:
        name: What the array is called in the message.
        array: The array to look at.
        expected: A size for each axis; None where any size will do.

    Raises:
        ShapeError: The number of axes or one of the sizes differs.
    """
    fits = len(expected) == array.ndim and all(
        want is None or want == have for want, have in zip(expected, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in expected)
        raise ShapeError(f"{name}: expected shape ({wanted}), got {array.shape}")
