"""Power-of-two exponents that keep adjoints in range, however far they vanish or explode.

A true adjoint is stored as stored · 2^E with one integer E for each adjoint row (sample, layer,
and in a stack loss time), which all states of the layer share: one that is smaller than another
by more than the type's range is stored as zero. Scaling by a power of two changes no bit of the
mantissa.

NONE stands for "nothing here yet": an exact zero, whose exponent must not raise another's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from engine import compiled
from engine.arrays import Array, IntArray

NONE = np.int32(-(2**28))
LARGEST_SHIFT = 4096
"""Every finite number is 0 or infinite after a shift by that many powers of two."""

LITTLE = 40
"""Powers of two by which norms may still be multiplied in float32, whatever their squares are."""

JOIN_ABOVE = 20
"""Powers of two by which what arrives must exceed a sweep's exponent to be joined at once."""

SPARE = 2.0**-30
"""Squared norm at the end of a shortened stretch from which the next may be twice as long."""

LOG10_2 = float(np.log10(2.0))


@dataclass(frozen=True, slots=True)
class Window:
    """Squared norms that are safe to go on with, and to have come from.

    Attributes:
        low, high: Outside, the row is brought back to a norm near 1.
        suspect_low, suspect_high: Outside, entries may have been lost before it was seen: the
            stretch is swept again in shorter pieces.
        resolution: log2 of the smallest entry, relative to its row's largest, that is kept.
    """

    low: float
    high: float
    suspect_low: float
    suspect_high: float
    resolution: int

    def may_have_lost(self, squares: Array) -> bool:
        """Tell whether a sample that was alive at the last of some rows may have lost entries.

        Args:
            squares: Squared norms, (n, B); the last row is the one that was swept first.
        """
        rows, before = squares[:-1], squares[-1]
        alive = (before > 0) & np.isfinite(before)
        lost = (rows < self.suspect_low) | ~(rows < self.suspect_high)
        return bool(np.any(lost & alive))


WINDOWS: Mapping[np.dtype[Any], Window] = MappingProxyType(
    {
        np.dtype(np.float32): Window(2.0**-20, 2.0**60, 2.0**-70, 2.0**100, -100),
        np.dtype(np.float64): Window(2.0**-80, 2.0**80, 2.0**-200, 2.0**900, -900),
    }
)


SQUARES = 2.0**-100, 2.0**100
"""Between these a square neither over- nor underflows in float32, nor do those it is a sum of."""


def exponent_of(array: Array, axis: int | tuple[int, ...]) -> IntArray:
    """Return e with max|array| along `axis` in [2^(e−1), 2^e); NONE where it is zero.

    Where the maximum is not finite, e is 0: nothing can be scaled there.
    """
    largest = np.abs(array).max(axis=axis)
    _, exponents = np.frexp(largest)
    exponents = np.where(np.isfinite(largest), exponents, 0)
    return np.where(largest == 0, NONE, exponents).astype(np.int32)


def shift(array: Array, exponents: IntArray, *others: Array) -> None:
    """Multiply `array`, and others of its type, in place by 2^exponents, exactly.

    What falls below the smallest number becomes zero; differences with NONE give zero too.
    """
    powers = powers_of_two(exponents, array.dtype)
    for each in (array, *others):
        if powers is None:
            np.ldexp(each, np.minimum(exponents, LARGEST_SHIFT), out=each)
        else:
            np.multiply(each, powers, each)


def near_one(values: Array, axis: int) -> tuple[Array, IntArray]:
    """Return a copy with its largest entry along `axis` near 1, and the exponents taken out.

    The exponents lack that axis; they are 0 where all is zero or not finite.
    """
    own = exponent_of(values, axis)
    own = np.where(own == NONE, 0, own).astype(np.int32)
    moved = np.array(values)
    shift(moved, -np.expand_dims(own, axis))
    return moved, own


class Scaled(NamedTuple):
    """Adjoints stored as values · 2^exponents, (…, rows, B) and (…, B)."""

    values: Array
    exponents: IntArray

    def at(self, exponents: IntArray) -> Array:
        """Return the values stored with other exponents."""
        if np.array_equal(exponents, self.exponents):
            return self.values
        moved = np.array(self.values)
        shift(moved, (self.exponents - exponents)[..., None, :])
        return moved


def scaled_near_one(values: Array, exponents: IntArray) -> Scaled:
    """Return values · 2^exponents stored near 1, with NONE where all is exactly zero."""
    own = exponent_of(values, axis=-2)
    zero = own == NONE
    moved = np.array(values)
    shift(moved, -np.where(zero, 0, own)[..., None, :])
    return Scaled(moved, np.where(zero, NONE, exponents + own).astype(np.int32))


def together(one: Scaled, other: Scaled) -> Scaled:
    """Return the sum of two, stored with the larger exponent of each pair."""
    larger = np.maximum(one.exponents, other.exponents)
    return Scaled(one.at(larger) + other.at(larger), larger)


def powers_of_two(exponents: IntArray, dtype: DTypeLike) -> Array | None:
    """Return 2^exponents; None where one is beyond the largest number of the type.

    One multiplication by a power costs a tenth of an ldexp.
    """
    kind = np.dtype(dtype)
    if exponents.max(initial=0) >= np.finfo(kind).maxexp:
        return None
    powers: Array = np.ldexp(kind.type(1), exponents)
    return powers


def normal_powers(exponents: IntArray, dtype: np.dtype[Any]) -> Array:
    """Return 2^exponents, none too large for the type, with 0 where one is no normal number.

    Put together from their bits, in the memory of the exponents where those are as long: an ldexp
    for every number costs ten times as much.
    """
    numbers = np.finfo(dtype)
    bits = exponents.astype(f"i{dtype.itemsize}", copy=False)
    bits += 1 - numbers.minexp
    np.maximum(bits, 0, out=bits)
    bits <<= numbers.nmant
    return bits.view(dtype)


def bring_near_one(squares: Array, parts: Iterable[Array]) -> IntArray:
    """Bring norms near 1 in place by a power of two, and return the exponents taken out.

    Args:
        squares: What tells the squared norms, (…, B), between those of SQUARES or exactly zero.
        parts: All that is stored with one exponent, (…, H, B) each.
    """
    moved: IntArray = np.frexp(squares)[1] >> 1
    powers = np.ldexp(squares.dtype.type(1), -moved)[..., None, :]
    for part in parts:
        np.multiply(part, powers, part)
    return moved


def least_positive(squares: Array) -> float:
    """Return the least number that is more than zero, 1 at most."""
    return float(squares.min(initial=1, where=squares > 0))


@cache
def _ones(count: int, dtype: np.dtype[Any]) -> Array:
    found = np.ones(count, dtype)
    found.setflags(write=False)
    return found


def log10_mean_norms(squares: Array, exponents: IntArray) -> Array:
    """Return log10 of the mean over the last axis of ‖stored‖ · 2^E, from ‖stored‖².

    −inf where all are zero; NaN and inf are kept. Nothing underflows: an exponent is taken out
    first, where they lie far apart the largest of those that are not zero.
    """
    loops = compiled.norm_loops()
    if loops is not None:
        found: Array = np.empty(squares.shape[:-1])
        shape = found.size, squares.shape[-1]
        stored = np.ascontiguousarray(squares).reshape(shape)
        own = np.ascontiguousarray(exponents).reshape(shape)
        loops.log10_means(stored, own, int(NONE), found.reshape(shape[0]))
        return found
    return log10_mean_norms_by_numpy(squares, exponents)


def log10_mean_norms_by_numpy(squares: Array, exponents: IntArray) -> Array:
    """Return what `log10_mean_norms` does, for who knows that no loops are compiled."""
    norms, scaled = np.sqrt(squares), np.count_nonzero(exponents) > 0
    if scaled:
        base, apart = exponents[..., 0], exponents - exponents[..., :1]
        if apart.min() < -LITTLE or apart.max() > LITTLE:
            known = np.where(squares == 0, NONE, exponents)
            base = known.max(axis=-1)
            apart = np.where(np.isinf(norms), 0, known - base[..., None])  # ∞ · 0 would be NaN
        norms *= normal_powers(apart, norms.dtype)
    # A product with ones costs a tenth of a sum over a short last axis.
    means = np.matmul(norms, _ones(norms.shape[-1], norms.dtype)).astype(np.float64)
    means /= norms.shape[-1]
    with np.errstate(divide="ignore"):
        logs: Array = np.log10(means, means)
    if scaled:
        logs += LOG10_2 * base  # −inf, where all are zero, stays so whatever E is
    return logs


def log10_norms(squares: Array, exponents: IntArray) -> Array:
    """Return log10 of ‖stored‖ · 2^E from ‖stored‖²; −inf for zeros, NaN and inf kept."""
    logs: Array = squares.astype(np.float64)
    with np.errstate(divide="ignore"):
        np.log10(logs, logs)
    logs *= 0.5
    if np.count_nonzero(exponents):
        logs += LOG10_2 * exponents
    return logs
