"""Means of magnitudes that are kept as logarithms."""

import numpy as np

from engine.arrays import Array


def log10_mean(logs: Array, axis: int) -> Array:
    """Return log10 of the mean of 10^logs over `axis`, without leaving the logarithms.

    The largest value of the axis is taken out before the powers are formed, so that no magnitude
    underflows or overflows however far it is from 1. −inf is an exact zero and counts as one; a
    mean of zeros alone is −inf; an inf makes the mean inf, a NaN makes it NaN.

    Example:
        >>> log10_mean(np.array([-1000.0, -np.inf]), axis=0).round(5)
        np.float64(-1000.30103)
    """
    values = np.asarray(logs, dtype=np.float64)
    largest = values.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    # Zeros have no logarithm but −inf, and beside a NaN the others are not shifted into range.
    with np.errstate(divide="ignore", over="ignore"):
        mean = np.power(10.0, values - shift).mean(axis=axis)
        result: Array = np.log10(mean) + shift.squeeze(axis)
    return result
