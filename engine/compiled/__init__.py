"""Loops over time, compiled: the optional twin of a cell's NumPy functions.

With numba installed (the extra `fast`), a layer whose cell has a twin here is swept by machine
code: elementwise work is done in one pass while it lies in the first-level cache, products call
the BLAS that NumPy has loaded, and no interpreter stands between two time steps. Where numba is
missing, the switch is off, or a cell has no twin, the plain path does the same, to rounding.

This package alone imports numba, and only when a layer is first bound.
"""

import importlib
import importlib.util
import os
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from engine.arrays import Array, BoolArray, IntArray
from engine.cells.base import Cell

if TYPE_CHECKING:
    from engine.compiled.twins import Twin

SWITCH = "GRADTIDE_COMPILED"
"""Variable of the environment: 0 keeps to the plain path."""

PLAIN = "plain"


def backend() -> str:
    """Return what sweeps layers in this process: "plain", or the compiler and its version."""
    return f"numba {importlib.import_module('numba').__version__}" if _loaded() else PLAIN


def why_plain() -> str | None:
    """Return why nothing is compiled, in a sentence; None where loops are compiled."""
    if os.environ.get(SWITCH, "1") == "0":
        return f"{SWITCH}=0"
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed (the extra `fast`)"
    return _failure()


def twin_of(cell: Cell) -> "Twin | None":
    """Return the compiled loops of a cell, or None: then it is swept by its own functions."""
    if not _loaded():
        return None
    known = importlib.import_module("engine.compiled.twins").TWINS
    layout = cell.tape, cell.deltas, cell.activation.name
    for twin in cast("Iterable[Twin]", known.get(cell.name, ())):
        if (twin.tape, twin.deltas, twin.activation) == layout:
            return twin
    return None


class Norms(Protocol):
    """Loops that make logarithms of squared norms, see norms.py."""

    def log10_means(self, squares: Array, exponents: IntArray, nothing: int, out: Array, /) -> None:
        """Write those of the means over samples."""

    def log10_norms(
        self,
        squares: Array,
        exponents: IntArray,
        nothing: int,
        shift: float,
        backwards: bool,
        each: Array,
        means: Array,
        /,
    ) -> None:
        """Write those of every sample and those of the means in the order of time."""


def norm_loops() -> Norms | None:
    """Return the loops that make logarithms of norms, or None."""
    if not _loaded():
        return None
    return cast("Norms", importlib.import_module("engine.compiled.norms"))


class MemberReadout(Protocol):
    """Loops for the read-outs of members of one sample each, see member_readout.py."""

    def outputs(self, weights: Array, states: Array, out: Array, /) -> None:
        """Write what is read out."""

    def back(
        self, weights: Array, dy: Array, states: Array, gradient: Array, direct: Array, /
    ) -> None:
        """Write the read-outs' gradient and the immediate derivatives."""


def member_loops() -> MemberReadout | None:
    """Return the loops that read out of an ensemble's members, or None."""
    if not _loaded():
        return None
    return cast("MemberReadout", importlib.import_module("engine.compiled.member_readout"))


class ReadoutLoops(Protocol):
    """Loops for what is read out, see readout.py."""

    def squared_errors(
        self, outputs: Array, bias: Array, targets: Array, mask: BoolArray, /
    ) -> tuple[float, float, float]:
        """Turn outputs into derivatives; return the sum of errors, and how large they are."""


def readout_loops() -> ReadoutLoops | None:
    """Return the loops for what is read out, or None."""
    if not _loaded():
        return None
    return cast("ReadoutLoops", importlib.import_module("engine.compiled.readout"))


def _loaded() -> bool:
    return why_plain() is None


@cache
def _failure() -> str | None:
    """Load the compiler, once; return what went wrong."""
    try:
        importlib.import_module("engine.compiled.twins")
    except ImportError as problem:
        return str(problem)
    return None


__all__ = [
    "PLAIN",
    "SWITCH",
    "MemberReadout",
    "Norms",
    "ReadoutLoops",
    "backend",
    "member_loops",
    "norm_loops",
    "readout_loops",
    "twin_of",
    "why_plain",
]
