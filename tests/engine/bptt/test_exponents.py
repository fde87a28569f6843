"""Powers of two, as exponents keep them."""

from typing import Any

import numpy as np
import pytest

from engine.bptt.exponents import LARGEST_SHIFT, NONE, normal_powers


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
