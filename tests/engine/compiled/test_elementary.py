"""The compiled tanh and log2 against those of higher precision."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from engine.arrays import Array  # noqa: E402
from engine.compiled.elementary import log2, tanh  # noqa: E402
from engine.compiled.kernel import inner  # noqa: E402


@inner
def apply(values: Array, out: Array) -> None:
    for j in range(values.size):
        out[j] = tanh(values[j])


def found(values: Array) -> Array:
    out = np.empty_like(values)
    apply(values, out)
    return out


GRID = np.concatenate([np.linspace(-12, 12, 200_001), np.geomspace(1e-30, 24, 100_001)])


def test_in_float32_it_is_right_to_five_roundings() -> None:
    values = GRID.astype(np.float32)
    exact = np.tanh(values.astype(np.float64))
    error = np.abs(found(values) - exact) / np.maximum(np.abs(exact), 1e-300)
    assert error[values != 0].max() < 5 * 2.0**-24


def test_in_float64_it_is_right_to_four_roundings() -> None:
    exact = np.tanh(GRID.astype(np.longdouble))
    np.testing.assert_allclose(found(GRID), exact.astype(np.float64), rtol=4 * 2.0**-53)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_odd_never_beyond_one_and_keeps_what_is_no_number(dtype: type) -> None:
    values: Array = GRID.astype(dtype)
    np.testing.assert_array_equal(found(-values), -found(values))
    assert np.abs(found(values)).max() == 1
    edges = found(np.array([np.inf, -np.inf, np.nan, 0, -0.0], dtype))
    np.testing.assert_array_equal(edges, [1, -1, np.nan, 0, 0])
    assert np.signbit(edges).tolist()[3:] == [False, True]


@inner
def apply_log2(values: Array, out: Array) -> None:
    for j in range(values.size):
        out[j] = log2(values[j])


def test_log2_is_right_to_five_roundings_from_the_least_number_to_the_greatest() -> None:
    numbers = np.finfo(np.float64)
    spread = np.ldexp(np.linspace(0.5, 1, 4099), np.linspace(-1073, 1023, 4099).astype(int))
    values = np.concatenate(
        [spread, np.linspace(0.4, 2.5, 100_001), [numbers.smallest_subnormal, numbers.max, 1]]
    )
    out = np.empty_like(values)
    apply_log2(values, out)
    exact = np.log2(values.astype(np.longdouble)).astype(np.float64)
    np.testing.assert_allclose(out, exact, rtol=5 * 2.0**-53)


def test_log2_keeps_what_is_infinite_and_no_number() -> None:
    out = np.empty(5)
    apply_log2(np.array([0, -0.0, np.inf, np.nan, -1]), out)
    np.testing.assert_array_equal(out, [-np.inf, -np.inf, np.inf, np.nan, np.nan])
