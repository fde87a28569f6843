"""How often a process that trains looks for circles of objects."""

import gc
from typing import Final

# Objects made, less those gone, after which Python looks for circles of them.
COLLECTED_AFTER: Final = 100_000


def collect_rarely() -> None:
    """Let this process look for circles of objects a hundred times less often than by default.

    A training makes next to none, and every search passes half a million objects of the libraries:
    writing frames it took as long as all the rest of it.
    """
    gc.set_threshold(COLLECTED_AFTER)
