"""How a function becomes machine code, and where that is kept for the next process.

Compiling takes seconds, loading what was compiled some hundredths: so it is kept in
`NUMBA_CACHE_DIR`, else in the user's cache folder, in a folder named after the sources: numba by
itself does not compile a kernel anew when another that it calls has changed. Where no folder can
be written, every process compiles for itself.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba
from numba.core import config

from engine.arrays import Array

P = ParamSpec("P")
R = TypeVar("R")

# Multiply and add may become one instruction; infinities and NaN keep their meaning.
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

PIECE = 1024
"""Numbers of each block that are worked on at once: few enough for the second-level cache at worst.

Inside a piece, each assignment has a loop of its own: one with many arrays is not vectorised,
since too many of them might overlap.
"""


def _digest() -> str:
    """Return a name for these sources."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _folder() -> str:
    """Return where compiled code is kept; empty where nothing can be written."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    try:
        users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = (Path(chosen) if chosen else users) / "gradtide" / _digest()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):  # the second: no home folder
        return ""


FOLDER = _folder()


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that kernels call; it becomes a part of them."""
    return cast("Callable[P, R]", numba.njit(**OPTIONS)(function))


@inner
def piece(row: Array, block: int, n: int, a: int, b: int) -> Array:
    """Return numbers a … b − 1 of a block of n, as an array that is known to be contiguous."""
    return row[block * n + a : block * n + b]


def rounding(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `inner` does, but round every product before it is added, as NumPy does."""
    return cast("Callable[P, R]", numba.njit(**{**OPTIONS, "fastmath": False})(function))


def summing(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `inner` does, with sums in any order: those of a vector's places side by side."""
    fastmath = {"contract", "reassoc"}
    return cast("Callable[P, R]", numba.njit(**{**OPTIONS, "fastmath": fastmath})(function))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays when it is first called for their types."""
    before, config.CACHE_DIR = config.CACHE_DIR, FOLDER
    try:
        compiled = numba.njit(cache=bool(FOLDER), **OPTIONS)(function)
    finally:
        config.CACHE_DIR = before
    return cast("Callable[P, R]", compiled)
