"""Means of magnitudes that are kept as logarithms."""

import math

import numpy as np

from engine.arrays import Array, IntArray


def sample_mean(values: Array) -> Array:
    """Return the mean over samples of (…, B, H), as a product with ones: a fifth of a sum's price.

    Example:
        >>> sample_mean(np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([2., 3.])
    """
    samples = values.shape[-2]
    mean: Array = np.matmul(values.swapaxes(-1, -2), np.ones(samples, values.dtype)) / samples
    return mean


def log10_mean(logs: Array) -> Array:
    """Return log10 of the mean of 10^logs over the last axis, without leaving the logarithms.

    The largest value is taken out before the powers are formed, so that no magnitude
    underflows or overflows however far it is from 1. −inf is an exact zero and counts as one; a
    mean of zeros alone is −inf; an inf makes the mean inf, a NaN makes it NaN.

    Example:
        >>> log10_mean(np.array([-1000.0, -np.inf])).round(5)
        np.float64(-1000.30103)
    """
    values = np.asarray(logs, dtype=np.float64)
    largest = np.asarray(values.max(axis=-1))
    result = np.full(largest.shape, -np.inf)
    some = largest != -np.inf  # where all are zeros, powers and logarithms say nothing more
    shift = np.where(np.isfinite(largest), largest, 0.0)[some]
    # Zeros have no logarithm but −inf, and beside a NaN the others are not shifted into range.
    with np.errstate(divide="ignore", over="ignore"):
        result[some] = np.log10(np.power(10.0, values[some] - shift[:, None]).mean(axis=-1)) + shift
    return result


def mean_of_logs(logs: Array) -> tuple[Array, IntArray]:
    """Return the mean of logs over the last axis, and how many it leaves out.

    A value of exactly zero has no logarithm but −inf: it is left out and counted. The mean is −inf
    where all are zero; inf and NaN are kept.

    Example:
        >>> mean_of_logs(np.array([[2.0, -np.inf, 4.0], [-np.inf] * 3]))
        (array([  3., -inf]), array([1, 3]))
    """
    zero = np.isneginf(logs)
    left_out = np.count_nonzero(zero, axis=-1)
    counted = logs.shape[-1] - left_out
    with np.errstate(invalid="ignore"):
        sums = np.where(zero, 0.0, logs).sum(axis=-1)
    means: Array = np.where(counted == 0, -np.inf, sums / np.maximum(counted, 1))
    return means, left_out


def counted(values: Array, edges: Array) -> Array:
    """Return how many values of the last axis lie under, between and above the edges.

    Args:
        values: (…, n); what is not a number is not counted.
        edges: n ascending inner edges; a bin holds its lower one.

    Returns:
        Counts, (…, n + 1).

    Example:
        >>> counted(np.array([[-1.0, 0.0, 0.5, 1.0, 9.0]]), np.array([0.0, 1.0]))
        array([[1., 2., 2.]])
    """
    bins = len(edges) + 1
    rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    place = np.searchsorted(edges, rows, side="right") + bins * np.arange(len(rows))[:, None]
    counts = np.bincount(place[~np.isnan(rows)], minlength=len(rows) * bins)
    return counts.reshape(*values.shape[:-1], bins).astype(np.float64)
