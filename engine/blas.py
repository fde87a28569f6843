"""Matrix products on one thread, as long as something of the engine is being computed.

NumPy's BLAS takes every core by default. The products of a recurrence are too small for that: two
threads meet after some tens of microseconds each, and where a core is busy with something else they
wait for it thousands of times a second, which makes a training several times as slow. And sums
depend on how many threads added them up, so a run would have other bits on another machine.

The setting of most libraries is the whole process's: it is changed for a step and put back after
it, so that a user's own products between two steps keep their threads.
"""

import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, Protocol, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


class Library(Protocol):
    """A BLAS library that is loaded, as threadpoolctl has it."""

    internal_api: str

    @property
    def num_threads(self) -> int:
        """How many threads a product has now."""

    def set_num_threads(self, num_threads: int, /) -> None:
        """Let products have so many."""


Before = list[tuple[Library, int]]
"""Libraries whose setting was changed, and what it was."""


@cache
def libraries() -> tuple[Library, ...]:
    """Return the BLAS libraries that are loaded; it takes 2 ms to find them."""
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def is_shared(library: Library) -> bool:
    """Tell whether a library has one setting for the process; MKL and OpenMP have each thread's."""
    by_thread = library.internal_api == "mkl" or getattr(library, "threading_layer", "") == "openmp"
    return not by_thread


def set_threads(library: Library, count: int) -> None:
    """Let a library's products have so many threads."""
    # Since threadpoolctl 3.8 the first thread of the interpreter that sets OpenBLAS's is the one
    # that can, as long as it lives: others set nothing, and are not told.
    clear = getattr(library, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
    library.set_num_threads(count)
    if clear is not None:
        clear(force=True)


def put_back(before: Before) -> None:
    """Set what was set before, and forget it."""
    while before:
        set_threads(*before.pop())


class Nesting(threading.local):
    """What a thread of the interpreter is within.

    Attributes:
        depth: How many blocks.
        holds: Whether the outermost needed one thread to be set.
        before: Of the libraries that have a setting for each thread.
    """

    def __init__(self) -> None:
        """Be within nothing."""
        self.depth = 0
        self.holds = False
        self.before: Before = []


_NESTING = Nesting()


class Setting:
    """The process's setting: the first to need it sets one thread, the last puts them back."""

    def __init__(self) -> None:
        """Leave all as it is."""
        self._lock = threading.Lock()
        self._holders = 0
        self._before: Before = []

    def hold(self) -> bool:
        """Set one thread until `let_go`; return False where there are no more anyway."""
        with self._lock:
            for library in libraries():
                count = library.num_threads
                if count != 1:
                    before = self._before if is_shared(library) else _NESTING.before
                    before.append((library, count))
                    set_threads(library, 1)
            if not (self._before or _NESTING.before):
                return False
            self._holders += 1
            return True

    def let_go(self) -> None:
        """Need it no longer."""
        with self._lock:
            self._holders -= 1
            put_back(_NESTING.before)
            if not self._holders:
                put_back(self._before)


_SETTING = Setting()


class OneThread:
    """Within it, products of matrices are computed by the thread that asks for them.

    A block within a block changes nothing, and asks nothing: each asking leaves a few bytes behind.
    Where several threads of the interpreter compute at once, the last that is done puts the
    process's setting back.

    Example:
        >>> with OneThread():
        ...     {library.num_threads for library in libraries()}
        {1}
    """

    __slots__ = ("_needed",)

    def __init__(self) -> None:
        """Change nothing yet; who enters again and again, as a training does, asks but once."""
        self._needed = True

    def __enter__(self) -> None:
        """Set one thread, where there are more."""
        if not _NESTING.depth and self._needed:
            _NESTING.holds = self._needed = _SETTING.hold()
        _NESTING.depth += 1

    def __exit__(self, *_: object) -> None:
        """Put the threads back."""
        _NESTING.depth -= 1
        if not _NESTING.depth and _NESTING.holds:
            _NESTING.holds = False
            _SETTING.let_go()


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Let all of a function's products be computed by the thread that calls it."""

    @wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        with OneThread():
            return function(*arguments, **options)

    return called
