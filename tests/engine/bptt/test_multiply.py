"""Products that are cut into blocks of rows are the whole products."""

import numpy as np
import pytest

from engine.bptt.multiply import product_call


@pytest.mark.parametrize("front", [(), (3,)])
@pytest.mark.parametrize("rows", [128, 127, 8])
def test_a_cut_product_is_the_whole_one(
    front: tuple[int, ...], rows: int, rng: np.random.Generator
) -> None:
    matrix, read = rng.normal(size=(rows, 130)), rng.normal(size=(*front, 130, 70))
    wide = np.zeros((*front, rows + 5, 70))
    out = wide[..., 2 : 2 + rows, :]
    function, arguments = product_call(matrix, read, out)
    function(*arguments)
    np.testing.assert_allclose(out, matrix @ read, rtol=0, atol=1e-12)
    assert not wide[..., :2, :].any()
    assert not wide[..., rows + 2 :, :].any()
