"""Fewer cells and points than a screen has pixels, without hiding the worst of them."""

import numpy as np
from numpy.typing import ArrayLike

from app.figures.base import FloatArray

# Above this many cells along an axis a heatmap is pooled (500 × 500 paints in 80 ms).
CELLS = 500
# A line keeps at most this many buckets, each with its smallest and largest value.
BUCKETS = 500


def pool(
    values: FloatArray, centres: ArrayLike, axis: int, most: int = CELLS, *, signed: bool = False
) -> tuple[FloatArray, FloatArray, int]:
    """Largest value of each block along an axis, with the blocks' middles as coordinates.

    NaN wins over every number: what is not finite is drawn, not hidden. With `signed` the value
    of the largest magnitude is taken, with its sign.

    Returns:
        The pooled values, their coordinates and the length of a block (1: untouched).
    """
    points = np.asarray(centres, dtype=np.float64)
    size = -(-points.size // most) if points.size else 1
    if size <= 1:
        return values, points, 1
    starts = np.arange(0, points.size, size)
    with np.errstate(invalid="ignore"):
        pooled = np.maximum.reduceat(values, starts, axis=axis)
        if signed:
            least = np.minimum.reduceat(values, starts, axis=axis)
            pooled = np.where(-least > pooled, least, pooled)
    counts = np.diff(np.append(starts, points.size))
    return pooled, np.add.reduceat(points, starts) / counts, size


def thin(x: ArrayLike, y: ArrayLike, buckets: int = BUCKETS) -> tuple[FloatArray, FloatArray]:
    """Keep smallest and largest value of each bucket, and the first points that are not finite."""
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if xs.size <= 2 * buckets:
        return xs, ys
    finite = np.isfinite(ys)
    keep = [np.array([0, xs.size - 1]), np.flatnonzero(~finite)[:BUCKETS]]
    # The first ones are longer by a point, where the points do not divide evenly.
    size, longer = divmod(xs.size, buckets)
    middle = longer * (size + 1)
    for start, stop, length in ((0, middle, size + 1), (middle, xs.size, size)):
        starts = np.arange(start, stop, length)
        inside = finite[start:stop].reshape(-1, length)
        block = ys[start:stop].reshape(-1, length)
        least = np.where(inside, block, np.inf).argmin(axis=1)
        most = np.where(inside, block, -np.inf).argmax(axis=1)
        some = inside.any(axis=1)
        keep += [(starts + least)[some], (starts + most)[some]]
    order = np.unique(np.concatenate(keep))
    return xs[order], ys[order]
