"""Which time steps have a row of their own where every one would cost or hold too much."""

from collections.abc import Sequence

import numpy as np

ALL_TIMES = 256  # up to here every time step has its row
SAMPLED_TIMES = 64  # rows above that: a picture needs no more, and the cost grows with each


def loss_times(length: int, asked: Sequence[int]) -> tuple[int, ...]:
    """Return the loss times that have a row; the last asked one is always among them.

    Example:
        >>> loss_times(3, (3,))
        (1, 2, 3)
        >>> loss_times(1000, (999, 1000))
        (999, 1000)
    """
    if length <= ALL_TIMES:
        return tuple(range(1, length + 1))
    return spread(asked)


def state_times(length: int) -> tuple[int, ...]:
    """Return the state times that have an entry of their own, the first and the last among them.

    Example:
        >>> state_times(1000)[:3]
        (1, 17, 33)
    """
    times = range(1, length + 1)
    return tuple(times) if length <= ALL_TIMES else spread(times)


def spread(times: Sequence[int]) -> tuple[int, ...]:
    """Return at most SAMPLED_TIMES of the times, evenly spread, the first and the last kept."""
    if len(times) <= SAMPLED_TIMES:
        return tuple(times)
    chosen = np.linspace(0, len(times) - 1, SAMPLED_TIMES).round().astype(int)
    return tuple(times[index] for index in chosen)
