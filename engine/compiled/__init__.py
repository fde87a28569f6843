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
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, cast

from engine.arrays import Array, IntArray
from engine.cells.base import Cell

if TYPE_CHECKING:
    from engine.compiled.twins import Twin

Log10Means = Callable[[Array, IntArray, int, Array], None]

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


def log10_means() -> "Log10Means | None":
    """Return the loop that takes means of norms, see norms.py, or None."""
    if not _loaded():
        return None
    return cast("Log10Means", importlib.import_module("engine.compiled.norms").log10_means)


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


__all__ = ["PLAIN", "SWITCH", "backend", "log10_means", "twin_of", "why_plain"]
