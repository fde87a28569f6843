"""Where the loss times of a block lie in a stack of adjoints.

A product with few columns leaves most of a processor's lanes idle. So where a batch has few
samples, a row of the stack holds several loss times side by side, as if they were more samples:
(rows, H, side·B). What belongs to one of them is a run of B columns; cells see nothing of it.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Array

Number = TypeVar("Number", bound=np.generic)

LANES = 16
"""Columns from which a product is fast whatever stands beside it."""


class SideBySide(NamedTuple):
    """How loss times stand in the rows of a stack.

    Attributes:
        side: Loss times in a row.
        batch: B.
    """

    side: int
    batch: int

    @classmethod
    def of(cls, count: int, batch: int) -> "SideBySide":
        """Return how `count` loss times are best put for B = `batch`."""
        return cls(max(1, min(LANES // batch, count)), batch)

    @property
    def columns(self) -> int:
        """Columns of a row."""
        return self.side * self.batch

    def rows(self, count: int) -> int:
        """Return how many rows hold `count` loss times."""
        return -(-count // self.side)

    def place(self, index: int) -> tuple[int, slice]:
        """Return row and columns of a loss time."""
        row, nth = divmod(index, self.side)
        return row, slice(nth * self.batch, (nth + 1) * self.batch)

    def repeated(self, array: Array) -> Array:
        """Return (n, rows, B) as (n, rows, side·B): the same for every loss time of a row."""
        return np.tile(array, self.side)

    def apart(self, array: NDArray[Number], count: int) -> NDArray[Number]:
        """Return (rows, …, side·B) as (count, …, B), a loss time each; a view where side is 1."""
        parted = array.reshape(*array.shape[:-1], self.side, self.batch)
        moved = np.moveaxis(parted, -2, 1)
        return moved.reshape(-1, *moved.shape[2:])[:count]
