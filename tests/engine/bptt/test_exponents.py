"""Powers of two, as exponents keep them."""

from typing import Any

import numpy as np
import pytest

from engine.bptt.exponents import LARGEST_SHIFT, LITTLE, NONE, log10_mean_norms, normal_powers
from engine.compiled import SWITCH


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_put_together_from_bits_are_exact_and_zero_under_the_normal_numbers(
    dtype: type[np.floating[Any]],
) -> None:
    exponents = np.concatenate([[NONE], np.arange(-1100, 1)]).astype(np.int32)
    expected = np.ldexp(dtype(1), np.maximum(exponents, -LARGEST_SHIFT))
    normal = expected >= np.finfo(dtype).tiny
    found = normal_powers(exponents, np.dtype(dtype))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[normal], expected[normal])
    assert not found[~normal].any()


@pytest.mark.parametrize("apart", [0, 1, LITTLE, LITTLE + 1, 900])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_norms_are_those_of_the_definition_however_far_samples_lie_apart(
    dtype: type[np.floating[Any]], apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "0")
    rng = np.random.default_rng(5)
    squares = rng.uniform(0.1, 4, (6, 9)).astype(dtype)
    exponents = np.where(rng.random((6, 9)) < 0.5, -450, apart - 450).astype(np.int32)
    squares[0, :3], exponents[0, :3] = 0, NONE
    squares[1, 4], exponents[1, 4] = 0, 5000  # of what is zero no exponent counts
    squares[2] = 0
    squares[3, 0], squares[4, 0] = np.nan, np.inf
    norms = np.ldexp(np.sqrt(squares.astype(np.float64)), exponents)
    with np.errstate(divide="ignore"):
        expected = np.log10(norms.mean(axis=1))
    np.testing.assert_array_equal(expected[2:5], [-np.inf, np.nan, np.inf])
    found = log10_mean_norms(squares, exponents)
    close = 1e-7 if dtype is np.float32 else 1e-14
    np.testing.assert_allclose(found, expected, rtol=close, atol=close)


@pytest.mark.parametrize("switch", ["0", "1"], ids=["plain", "compiled"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mean_is_infinite_where_one_norm_is_however_far_beyond_it_others_lie(
    dtype: type[np.floating[Any]], switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, switch)
    squares = np.array([[np.inf, 1, 1], [np.inf, np.nan, 1], [0, 1, 1]], dtype)
    exponents = np.array([[-450, 900, 0], [0, 0, 5000], [NONE, 900, 900]], np.int32)
    found = log10_mean_norms(squares, exponents)
    np.testing.assert_array_equal(found[:2], [np.inf, np.nan])
    np.testing.assert_allclose(found[2], np.log10(2 / 3) + 900 * np.log10(2), rtol=1e-6)
