"""Matrix products from inside compiled loops: the BLAS that NumPy itself has loaded.

NumPy's wheels carry an OpenBLAS whose names are prefixed; a NumPy of a distribution is linked to
the system's. Either way the library is already in memory, and its products are those of the plain
path, bit for bit. Where no name is found, nothing is compiled.
"""

import ctypes
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from engine.arrays import Array
from engine.compiled.kernel import inner

NAMES = (("scipy_cblas_{}gemm64_", 64), ("cblas_{}gemm64_", 64), ("cblas_{}gemm", 32))
"""How the libraries call C's interface to BLAS, and how many bits their integers have."""

LETTERS: Mapping[np.dtype[Any], str] = MappingProxyType(
    {np.dtype(np.float32): "s", np.dtype(np.float64): "d"}
)

SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS multiplies without packing, which is a quarter faster."""

LARGE_PRODUCT = 12_000_000
"""Multiplications from which an undivided product is as fast again."""

ROW_MAJOR, AS_IT_IS = 101, 111
"""Of CBLAS_ORDER and CBLAS_TRANSPOSE."""


def _find() -> tuple[int, Mapping[np.dtype[Any], int]]:
    """Return the width of BLAS's integers and the address of ?gemm for each type."""
    library = ctypes.CDLL(importlib.import_module("numpy._core._multiarray_umath").__file__)
    for name, bits in NAMES:
        if hasattr(library, name.format("s")):
            found = {}
            for dtype, letter in LETTERS.items():
                function = getattr(library, name.format(letter))
                found[dtype] = ctypes.cast(function, ctypes.c_void_p).value or 0
            return bits, MappingProxyType(found)
    raise ImportError("NumPy's libraries show no BLAS that could be called")


INTEGER_BITS, ADDRESSES = _find()


@intrinsic
def gemm(typing_context, address, sizes, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call ?gemm at `address`: C = alpha A B + beta C, row-major; sizes are (m, n, k).

    A, B and C are addresses of their first numbers; `alpha` tells which type they have.
    """
    number = types.float32 if alpha == types.float32 else types.float64
    signature = types.void(
        types.intp, types.UniTuple(types.intp, 3), number,
        types.intp, types.intp, types.intp, types.intp, number, types.intp, types.intp,
    )  # fmt: skip

    def generate(context, builder, signature, arguments):
        address, sizes, alpha, a, lda, b, ldb, beta, c, ldc = arguments
        enum, integer = ir.IntType(32), ir.IntType(INTEGER_BITS)
        pointer, real = ir.IntType(8).as_pointer(), context.get_value_type(number)
        function = ir.FunctionType(
            ir.VoidType(),
            [enum] * 3 + [integer] * 3 + [real, pointer, integer, pointer, integer]
            + [real, pointer, integer],
        )  # fmt: skip

        def whole(value):
            return builder.trunc(value, integer) if INTEGER_BITS < 64 else value

        def at(value):
            return builder.inttoptr(value, pointer)

        m, n, k = (whole(builder.extract_value(sizes, i)) for i in range(3))
        order = [ir.Constant(enum, each) for each in (ROW_MAJOR, AS_IT_IS, AS_IT_IS)]
        builder.call(
            builder.inttoptr(address, function.as_pointer()),
            [*order, m, n, k, alpha, at(a), whole(lda), at(b), whole(ldb), beta, at(c), whole(ldc)],
        )
        return context.get_dummy_value()

    return signature, generate


@inner
def product(address: int, left: Array, right: Array, beta: float, out: Array) -> None:
    """Set out (m, n) to left (m, k) times right (k, n), plus `beta` times what it was.

    A product of middling size is cut into blocks of rows that are multiplied without packing.
    """
    one, kept = out.dtype.type(1), out.dtype.type(beta)
    m, k = left.shape
    n = right.shape[1]
    height = m
    if SMALL_PRODUCT < m * n * k < LARGE_PRODUCT:
        height = max(SMALL_PRODUCT // (n * k), 1)
        height = -(-m // -(-m // height))  # as equal as can be
    for row in range(0, m, height):
        gemm(
            address, (min(height, m - row), n, k), one,
            left[row:].ctypes.data, k, right.ctypes.data, n, kept, out[row:].ctypes.data, n,
        )  # fmt: skip


@inner
def each_times(left: Array, right: Array, out: Array) -> None:
    """Add, for every member s, left (m, k, s) times right (k, s) to out (m, s).

    The members lie side by side, so that the machine multiplies several of them at once: a product
    of each by itself would cost more to call than to do. Four terms are added in a turn, one after
    the other: the sums are then read and written a quarter as often.
    """
    rows, columns, members = left.shape
    whole = columns - columns % 4
    for r in range(rows):
        total = out[r]
        for k in range(0, whole, 4):
            w0, w1, w2, w3 = left[r, k], left[r, k + 1], left[r, k + 2], left[r, k + 3]
            v0, v1, v2, v3 = right[k], right[k + 1], right[k + 2], right[k + 3]
            for s in range(members):
                two = total[s] + w0[s] * v0[s] + w1[s] * v1[s]
                total[s] = two + w2[s] * v2[s] + w3[s] * v3[s]
        for k in range(whole, columns):
            weight, value = left[r, k], right[k]
            for s in range(members):
                total[s] += weight[s] * value[s]


@inner
def multiply(address: int, left: Array, right: Array, out: Array) -> None:
    """Write left (m, k) times right (k, n) to out (m, n), all of them contiguous.

    Of an ensemble left is (m, k, S), and n = S: every member has a matrix and a sample of its own.
    """
    if left.ndim == 3:  # known when it is compiled
        out[:] = 0
        each_times(left, right, out)
    else:
        product(address, left, right, 0, out)


@inner
def add_to(address: int, left: Array, right: Array, out: Array) -> None:
    """Add left (m, k) times right (k, n) to out (m, n), as `multiply` writes it."""
    if left.ndim == 3:  # known when it is compiled
        each_times(left, right, out)
    else:
        product(address, left, right, 1, out)
