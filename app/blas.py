"""How many threads a matrix product may use: one.

Sums of floats depend on how many threads made them, and the threads of several workers only
stand in each other's way. BLAS libraries read their variables when NumPy is first imported.
"""

import contextlib
import os
from collections.abc import Iterator
from types import MappingProxyType

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
PINNED = MappingProxyType(dict.fromkeys(VARIABLES, "1"))


def pin_threads() -> None:
    """Set one thread for this process; only of use before NumPy is imported."""
    os.environ.update(PINNED)


@contextlib.contextmanager
def pinned_for_children() -> Iterator[None]:
    """Set one thread for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    pin_threads()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
