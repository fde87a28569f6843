"""Where the coordinates of a selection lie in a recorded array."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.store.errors import SelectionError
from app.store.layouts import StoredLayout
from app.store.slices import Selection, positions

Where = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Index:
    """Positions on every axis of an array.

    Attributes:
        rows: Selected rows, as a slice where that says it.
        others: The same for the other axes.
        positions: The selected rows one by one.
        first: Lowest of them; 0 where there are none.
        last: Highest of them; −1 where there are none.
    """

    rows: Where
    others: tuple[Where, ...]
    positions: NDArray[np.intp]
    first: int
    last: int


def index_of(
    layout: StoredLayout, steps: Sequence[int], selection: Mapping[str, Selection]
) -> Index:
    """Return where a selection lies, given the steps recorded so far.

    Raises:
        SelectionError: The array has no such axis or coordinate.
    """
    for axis in selection:
        if axis not in layout.axes:
            raise SelectionError(axis, f"{layout.name} has the axes {', '.join(layout.axes)}")
    others = tuple(
        positions(axis, layout.coords[axis], selection[axis])
        if axis in selection
        else slice(0, len(layout.coords[axis]))
        for axis in layout.axes[1:]
    )
    axis = layout.axes[0]
    rows: Where = slice(0, len(steps))
    if axis in selection:
        rows = positions(axis, steps, selection[axis])
    where = np.arange(len(steps))[rows]
    if not len(where):
        return Index(rows, others, where, 0, -1)
    return Index(rows, others, where, int(where.min()), int(where.max()))


def selected_coords(
    layout: StoredLayout, steps: Sequence[int], index: Index
) -> dict[str, Sequence[Any]]:
    """Return the coordinates of every axis of the selected part."""
    coords: dict[str, Sequence[Any]] = {layout.axes[0]: _pick(steps, index.rows)}
    for axis, where in zip(layout.axes[1:], index.others, strict=True):
        coords[axis] = _pick(layout.coords[axis], where)
    return coords


def _pick(coords: Sequence[Any], where: Where) -> Sequence[Any]:
    if isinstance(where, slice):
        return coords[where]
    return [coords[position] for position in where]


def take(block: NDArray[Any], others: Sequence[Where]) -> NDArray[Any]:
    """Return the selected part of rows that were picked already."""
    for axis, where in enumerate(others, start=1):
        block = block[(slice(None),) * axis + (where,)]
    return block


def count_of(where: Where) -> int:
    """Return how many coordinates are selected."""
    if isinstance(where, slice):
        return len(range(*where.indices(where.stop)))
    return len(where)
