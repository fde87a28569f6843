"""Named row blocks of feature-first arrays.

A row of the tape is one contiguous (rows, B) array whose rows fall into blocks with names.
Neighbouring blocks of equal height are one operand, so a cell may ask for a run of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.arrays import Array

CACHE_LINE = 64  # bytes; arrays that start on one are a few per cent faster to sweep

SHORT_BUFFER = 256
"""For `np.setbufsize`, which lasts until the `np.errstate` around it ends.

As it is, NumPy's elementwise functions copy blocks of a tape's rows into a buffer of 8192 numbers
wherever a row has fewer, since the blocks do not follow each other in memory: that takes two to
three times as long as the work, and none of it has to be converted.
"""

Call = tuple[Callable[..., object], tuple[Any, ...]]
"""A function and its arguments, bound once."""


class Rows:
    """Where each named block lies among the rows, in memory order."""

    def __init__(self, heights: Mapping[str, int]) -> None:
        """Lay the blocks one under the other.

        Args:
            heights: Height of each block in rows, in memory order.
        """
        self._spans: dict[str, slice] = {}
        start = 0
        for name, height in heights.items():
            self._spans[name] = slice(start, start + height)
            start += height
        self.total = start

    def only(self, names: Iterable[str]) -> "Rows":
        """Return the same layout, knowing these names alone."""
        found = Rows({})
        found._spans = {name: self._spans[name] for name in names}
        found.total = self.total
        return found

    def __contains__(self, name: object) -> bool:
        """Tell whether a block has that name."""
        return name in self._spans

    def span(self, first: str, last: str | None = None) -> slice:
        """Return the rows from the start of `first` to the end of `last`."""
        return slice(self._spans[first].start, self._spans[last or first].stop)

    def view(self, array: Array, key: str | slice) -> Array:
        """Return a block [..., H, B], or for a slice of names the run [..., n, H, B]."""
        if isinstance(key, str):
            return array[..., self._spans[key], :]
        first = self._spans[key.start]
        run = array[..., self.span(key.start, key.stop), :]
        height = first.stop - first.start
        return run.reshape(*array.shape[:-2], -1, height, array.shape[-1])


class BlockViews:
    """Row blocks by name over a few arrays: what a cell sees of memory."""

    def __init__(self, *parts: tuple[Rows, Array]) -> None:
        """Take (rows, array) pairs; a name is looked up in the first that knows it."""
        self._parts = parts
        self._made: dict[tuple[str, str], Array] = {}

    def __getitem__(self, key: str | slice) -> Array:
        """Return the block, or the run of neighbouring blocks, as a view."""
        name, last = (key, key) if isinstance(key, str) else (key.start, key.stop)
        made = self._made.get((name, last))
        if made is None:
            made = self._made[name, last] = self._view(name, key)
        return made

    def _view(self, name: str, key: str | slice) -> Array:
        for rows, array in self._parts:
            if name in rows:
                return rows.view(array, key)
        raise KeyError(name)


def as_items(array: Array) -> NDArray[np.void]:
    """Return a view whose items are whole rows of B numbers.

    Transposing copies of such items are twice as fast as of single numbers.
    """
    item = np.dtype((np.void, array.shape[-1] * array.dtype.itemsize))
    return array.view(item)[..., 0]


def aligned_zeros(shape: Sequence[int], dtype: DTypeLike) -> Array:
    """Return zeros whose first byte stands at the start of a cache line."""
    kind = np.dtype(dtype)
    count = int(np.prod(shape))
    raw = np.zeros(count * kind.itemsize + CACHE_LINE, np.uint8)
    offset = -raw.ctypes.data % CACHE_LINE
    flat: Array = raw[offset : offset + count * kind.itemsize].view(kind)
    return flat.reshape(shape)
