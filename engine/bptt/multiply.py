"""Products of weights with rows of samples: one matrix for all, or one for each member.

Members of an ensemble lie side by side along the last axis, B samples each: rows are
[..., rows, S·B], and everything elementwise goes over all members at once. Their weights have the
members last too, (rows, K, S), and are stored member by member, as BLAS wants them.
"""

import numpy as np

from engine.arrays import Array
from engine.bptt.blocks import Call, aligned_zeros

ROWS_AND_SAMPLES = 2
"""Axes of one step's arrays: there `dot` costs a third of what `matmul` costs to call."""

SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS multiplies without packing, which is a quarter faster."""

LARGE_PRODUCT = 12_000_000
"""Multiplications from which an undivided product is as fast again."""

MOST_BLOCKS = 16
"""Blocks of rows that a product is cut into at most: more calls cost more than they save."""


def by_member(array: Array, members: int) -> Array:
    """Return a view (..., S, rows, B) of rows (..., rows, S·B)."""
    split = array.reshape(*array.shape[:-1], members, -1)
    return split.swapaxes(-2, -3)


def members_last(array: Array) -> Array:
    """Return a view (rows, K, S) of matrices (S, rows, K)."""
    return np.moveaxis(array, 0, -1)


def members_first(array: Array) -> Array:
    """Return a view (S, rows, K) of matrices (rows, K, S)."""
    return np.moveaxis(array, -1, 0)


def matrix_room(shape: tuple[int, ...], like: Array, members_within: bool = False) -> Array:
    """Return zeros for a matrix, of as many members as `like` has.

    Args:
        shape: (rows, K).
        like: Another such matrix.
        members_within: Store the members side by side, as compiled loops multiply them, and not
            member by member, as BLAS does.
    """
    if like.ndim == ROWS_AND_SAMPLES:
        return aligned_zeros(shape, like.dtype)
    if members_within:
        return aligned_zeros((*shape, like.shape[-1]), like.dtype)
    return members_last(aligned_zeros((like.shape[-1], *shape), like.dtype))


def product_call(matrix: Array, read: Array, out: Array) -> Call:
    """Return the call that writes `matrix` times `read` to `out`.

    Args:
        matrix: (rows, K), or (rows, K, S) for S members.
        read: (..., K, B), or (..., K, S·B).
        out: (..., rows, B), or (..., rows, S·B).
    """
    if matrix.ndim > ROWS_AND_SAMPLES:
        members = matrix.shape[-1]
        operands = by_member(read, members), by_member(out, members)
        return np.matmul, (members_first(matrix), *operands)
    rows, columns = matrix.shape
    parts = _row_blocks(rows, columns * read.shape[-1])
    if parts > 1:
        cut = out.reshape(*out.shape[:-2], parts, rows // parts, -1)
        return np.matmul, (matrix.reshape(parts, -1, columns), read[..., None, :, :], cut)
    if read.ndim == ROWS_AND_SAMPLES:
        return matrix.dot, (read, out)
    return np.matmul, (matrix, read, out)


def _row_blocks(rows: int, work: int) -> int:
    """Return into how many blocks of rows a product is best cut, `work` multiplications a row."""
    if not SMALL_PRODUCT < rows * work < LARGE_PRODUCT:
        return 1
    fitting = (p for p in range(2, MOST_BLOCKS + 1) if rows % p == 0)
    return next((p for p in fitting if rows * work <= p * SMALL_PRODUCT), 1)


def multiply(matrix: Array, read: Array) -> Array:
    """Return `matrix` times `read`, shapes as for `product_call`."""
    if matrix.ndim == ROWS_AND_SAMPLES:
        product: Array = np.matmul(matrix, read)
        return product
    if matrix.shape[-1] == read.shape[-1]:  # one sample each: a product of vectors all along
        each: Array = np.einsum("rkm,...km->...rm", matrix, read)
        return each
    out = np.empty((*read.shape[:-2], matrix.shape[0], read.shape[-1]), read.dtype)
    function, arguments = product_call(matrix, read, out)
    function(*arguments)
    return out
