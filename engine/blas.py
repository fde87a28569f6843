"""Matrix products on one thread, as long as something of the engine is being computed.

NumPy's BLAS takes every core by default. The products of a recurrence are too small for that: two
threads meet after some tens of microseconds each, and where a core is busy with something else they
wait for it thousands of times a second, which makes a training several times as slow. And sums
depend on how many threads added them up, so a run would have other bits on another machine.

The library's setting is the whole process's: it is changed for a step and put back after it, so
that a user's own products between two steps keep their threads.
"""

import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, Protocol, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")

_SETTING = threading.Lock()


class Nesting(threading.local):
    """How many blocks a thread of the interpreter is within."""

    depth = 0


_NESTING = Nesting()


class Limits(Protocol):
    """What puts threads back."""

    def restore_original_limits(self) -> None:
        """Set what was set before."""


@cache
def libraries() -> ThreadpoolController:
    """Return what sets the threads of the BLAS libraries that are loaded; it takes 2 ms to find."""
    found: ThreadpoolController = ThreadpoolController().select(user_api="blas")
    return found


class OneThread:
    """Within it, products of matrices are computed by the thread that asks for them.

    A block within a block changes nothing, and asks nothing: each asking leaves a few bytes behind.
    Where two threads of the interpreter compute at once, who came first puts the setting back, and
    the other goes on with the process's.

    Example:
        >>> with OneThread():
        ...     {library["num_threads"] for library in libraries().info()}
        {1}
    """

    __slots__ = ("_limits", "_needed")

    def __init__(self) -> None:
        """Change nothing yet; who enters again and again, as a training does, asks but once."""
        self._limits: Limits | None = None
        self._needed = True

    def __enter__(self) -> None:
        """Set one thread, where there are more."""
        _NESTING.depth += 1
        if _NESTING.depth > 1 or not self._needed:
            return
        with _SETTING:
            self._needed = False
            found = libraries()
            for library in found.lib_controllers:
                if library.num_threads != 1:
                    self._needed, self._limits = True, found.limit(limits=1)
                    break

    def __exit__(self, *_: object) -> None:
        """Put the threads back."""
        _NESTING.depth -= 1
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Let all of a function's products be computed by the thread that calls it."""

    @wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        with OneThread():
            return function(*arguments, **options)

    return called
