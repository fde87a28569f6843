"""What arrives at a layer's outputs from outside its own recurrence.

A loss, the layer above, a layer skip and an injected gradient are all sources: for some state
rows (1 … T) an array (H, B) to add to the adjoint there, with exponents of its own.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from engine.arrays import Array, IntArray
from engine.bptt.blocks import aligned_zeros
from engine.bptt.exponents import NONE, Scaled, exponent_of, shift, together

LEAST_ORDINARY = -28
"""Powers of two of a row's largest number up to which it gets an exponent, where others lie
beside it that are larger: its squared norm would lose bits."""


class Arriving(NamedTuple):
    """What arrives, in one array.

    Attributes:
        values: (n, H, B), or (n, 1, B) where there is a `weight`.
        where: Which of them arrives at each state row 0 … T, or −1, (T+1,).
        weight: What all of them are still to be multiplied by, (H, 1); None where nothing. Of a
            read-out of one number that is its weight: the products would fill as much memory as
            all states do, and compiled loops make each while its row lies in the cache.
    """

    values: Array
    where: IntArray
    weight: Array | None = None

    def at(self, which: int) -> Array:
        """Return one of them, (H, B)."""
        value: Array = self.values[which]
        return value if self.weight is None else self.weight * value

    def all(self) -> Array:
        """Return all of them, (n, H, B)."""
        return self.values if self.weight is None else self.weight * self.values

    def rows(self, start: int, stop: int) -> list[Array | None]:
        """Return what arrives at state rows start … stop − 1, (H, B) each, None where nothing."""
        which = self.where[start:stop]
        found = self._some(which[which >= 0])
        order = iter(found)
        return [None if each < 0 else next(order) for each in which.tolist()]

    def between(self, start: int, stop: int) -> tuple[IntArray, Array]:
        """Return the rows start + 1 … stop − 1 at which anything arrives, and that, (n, H, B)."""
        rows = start + 1 + np.flatnonzero(self.where[start + 1 : stop] >= 0)
        return rows, self._some(self.where[rows])

    def _some(self, which: IntArray) -> Array:
        """Return some of them, (n, H, B): a view where they follow each other."""
        ascending = len(which) and which[-1] - which[0] + 1 == len(which)
        found = self.values[which[0] : which[-1] + 1] if ascending else self.values[which]
        return found if self.weight is None else self.weight * found


class Source:
    """Arriving derivatives by state row.

    Attributes:
        arriving: What arrives.
        exponents: E that it is stored with by state row and sample, (T+1, B), NONE where exactly
            zero; None where every row is stored as it is.
    """

    def __init__(
        self,
        arriving: Arriving,
        exponents: IntArray | None = None,
        asked: list[int] | None = None,
    ) -> None:
        """Take what arrives.

        Args:
            arriving: Of the attribute's name.
            exponents: Of the attribute's name.
            asked: The state rows at which anything arrives, ascending, where somebody knows them.
        """
        self.arriving, self.exponents = arriving, exponents
        self._known = asked

    @cached_property
    def rows(self) -> Sequence[Array | None]:
        """For each state row 0 … T an (H, B) array, or None where nothing arrives."""
        return self.arriving.rows(0, len(self.arriving.where))

    @cached_property
    def _asked(self) -> list[int]:
        """The rows at which anything arrives."""
        if self._known is not None:
            return self._known
        asked: list[int] = np.flatnonzero(self.arriving.where >= 0).tolist()
        return asked

    def at(self, t: int) -> Array | None:
        """Return what arrives at row t, (H, B), or None."""
        which = self.arriving.where[t]
        return None if which < 0 else self.arriving.at(which)

    def between(self, start: int, stop: int) -> Sequence[int]:
        """Return the rows start + 1 … stop − 1 at which anything arrives, last first."""
        asked = self._asked
        return asked[bisect_right(asked, start) : bisect_left(asked, stop)][::-1]

    def last(self, bottom: int, end: int) -> int:
        """Return the last row of bottom + 1 … end at which anything arrives, or `bottom`."""
        return next(iter(self.between(bottom, end + 1)), bottom)

    def part(self, start: int, stop: int) -> "Source":
        """Return what arrives at rows start … stop, the first of them its row 0."""
        rows = slice(start, stop + 1)
        exponents = None if self.exponents is None else self.exponents[rows]
        return Source(self.arriving._replace(where=self.arriving.where[rows]), exponents)

    def exponents_at(self, t: int) -> IntArray:
        """Return E of row t, at which something arrives, (B,); NONE where it is exactly zero."""
        if self.exponents is None:
            return _none_where_zero(self.arriving.at(self.arriving.where[t]))
        found: IntArray = self.exponents[t]
        return found

    def between_scaled(self, start: int, stop: int) -> tuple[IntArray, Scaled]:
        """Return the rows start + 1 … stop − 1 at which anything arrives, and all of that."""
        rows, values = self.arriving.between(start, stop)
        own = _none_where_zero(values) if self.exponents is None else self.exponents[rows]
        return rows, Scaled(values, own)


def _none_where_zero(values: Array) -> IntArray:
    """Return the exponents of what is stored as it is, (…, H, B): NONE where exactly zero."""
    return np.where(np.abs(values).max(axis=-2) == 0, NONE, 0).astype(np.int32)


class AskedRows:
    """The state rows at which something arrives.

    Attributes:
        rows: In the order of what arrives.
        ascending: The same, ascending.
        where: Which of them each state row 0 … T is, or −1, (T+1,).
    """

    def __init__(self, rows: list[int], length: int) -> None:
        """Look at `rows` among those of T = `length` steps."""
        self.rows, self.ascending = rows, sorted(rows)
        self.where = np.full(length + 1, -1, np.intp)
        self.where[rows] = np.arange(len(rows))


def source_of_loss(
    direct: Array,
    ordinary: bool,
    asked: AskedRows,
    base: IntArray | None = None,
    weight: Array | None = None,
) -> Source:
    """Return the immediate derivatives of a loss as a source.

    Args:
        direct: ∂(Σ m e)/∂h at the asked rows, (n, H, B); may be rescaled in place.
        ordinary: Whether all of it is of a size that needs no exponents.
        asked: The n state rows.
        base: E that `direct` is stored with, (n, B); all 0 where None.
        weight: What `direct`, (n, 1, B), is still to be multiplied by, (H, 1); None where nothing.
    """
    if ordinary:
        arriving = Arriving(np.ascontiguousarray(direct), asked.where, weight)
        return Source(arriving, asked=asked.ascending)
    if weight is not None:
        direct = weight * direct
    exponents = np.full((len(asked.where), direct.shape[-1]), NONE, np.int32)
    own = exponent_of(direct, axis=1)
    exponents[asked.rows] = own if base is None else np.where(own == NONE, NONE, own + base)
    shift(direct, np.where(own == NONE, 0, -own)[:, None, :])
    arriving = Arriving(np.ascontiguousarray(direct), asked.where)
    return Source(arriving, exponents, asked.ascending)


def side_of(source: Source, side: slice, reverse: bool) -> Source:
    """Return what arrives at one of the layers that lie side by side, by its own state rows.

    Args:
        source: Arriving at all of them, rows in the order of time.
        side: The features that are this layer's.
        reverse: Whether it reads the sequence backwards: row r is that of time T + 1 − r.
    """
    length = len(source.arriving.where) - 1
    times, both = source.arriving.between(0, length + 1)
    values = np.array(both[:, side])
    own = exponent_of(values, axis=1)
    ordinary = source.exponents is None and bool(np.all((own > LEAST_ORDINARY) | (own == NONE)))
    base = None if source.exponents is None else source.exponents[times]
    rows = (length + 1 - times if reverse else times).tolist()
    return source_of_loss(values, ordinary, AskedRows(rows, length), base)


def joined(source: Source, more: Mapping[int, Array], width: int, dtype: DTypeLike) -> Source:
    """Return a source that brings more, too: by state row (`width`, B) each, at one row or some."""
    values, where, _ = source.arriving
    both, rows = DenseSource(len(where) - 1, width, values.shape[-1], dtype), sorted(more)
    added = Arriving(np.stack([more[t] for t in rows]), AskedRows(rows, len(where) - 1).where)
    for each in (source, Source(added)):
        both.add(each)
    return both.as_source()


class DenseSource:
    """A source that a layer above fills, all rows."""

    def __init__(self, length: int, width: int, batch: int, dtype: DTypeLike) -> None:
        """Allocate for T = `length` rows of `width` features."""
        self.array = aligned_zeros((length + 1, width, batch), dtype)
        self.exponents = np.full((length + 1, batch), NONE, np.int32)

    def part(self, start: int, stop: int) -> "DenseSource":
        """Return rows start … stop of it, to be filled there, the first of them as row 0."""
        found, rows = copy(self), slice(start, stop + 1)
        found.array, found.exponents = self.array[rows], self.exponents[rows]
        return found

    def clear(self) -> None:
        """Make every row exactly zero."""
        self.array.fill(0)
        self.exponents.fill(NONE)

    def add(self, other: Source) -> None:
        """Add another source, row by row, at the larger exponent of the two."""
        rows, theirs = other.between_scaled(0, len(self.array))
        found = together(Scaled(self.array[rows], self.exponents[rows]), theirs)
        self.array[rows], self.exponents[rows] = found

    def add_backwards(self, other: "DenseSource") -> None:
        """Add what a layer hands down that reads the sequence backwards, its rows in its order."""
        turned = Scaled(other.array[:0:-1], other.exponents[:0:-1])
        found = together(Scaled(self.array[1:], self.exponents[1:]), turned)
        self.array[1:], self.exponents[1:] = found

    def as_source(self) -> Source:
        """Return the filled rows as a source; exponents are dropped where all are 0."""
        arriving = Arriving(self.array[1:], np.arange(-1, len(self.array) - 1))
        scaled = np.any((self.exponents[1:] != NONE) & (self.exponents[1:] != 0))
        return Source(arriving, self.exponents if scaled else None)
