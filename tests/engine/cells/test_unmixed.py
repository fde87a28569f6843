"""Cells whose units never mix on the way back through time."""

import numpy as np
import pytest

import engine

H, D, T, B = 3, 2, 6, 2


def test_a_linear_indrnns_gradient_is_a_power_of_u(rng: np.random.Generator) -> None:
    u, last = rng.uniform(-1.5, 1.5, H), rng.normal(size=(1, B, H))
    weights = {"weight_ih_l0": rng.normal(size=(H, D)), "u_l0": u}
    found = engine.trace(
        "indrnn",
        weights,
        rng.normal(size=(T, B, D)),
        final_state_gradients=last,
        options={"activation": "identity"},
    )
    np.testing.assert_allclose(found.initial_state_gradient, last * u**T, rtol=1e-13)


def test_min_grus_gate_writes_and_its_complement_keeps(rng: np.random.Generator) -> None:
    h_0, last = rng.normal(size=(2, 1, B, H))
    open_share = 0.25
    a = np.log(open_share / (1 - open_share))
    candidate = rng.normal(size=H)
    weights = {
        "weight_ih_l0": np.zeros((2 * H, D)),
        "bias_ih_l0": np.concatenate([np.full(H, a), candidate]),
    }
    found = engine.trace(
        "min_gru",
        weights,
        rng.normal(size=(T, B, D)),
        initial_state=h_0,
        final_state_gradients=last,
    )
    kept = (1 - open_share) ** T
    np.testing.assert_allclose(found.initial_state_gradient, kept * last, rtol=1e-13)
    expected = kept * h_0[0] + (1 - kept) * candidate
    np.testing.assert_allclose(found.hidden[0, -1], expected, rtol=1e-13)


@pytest.mark.parametrize("cell", ["indrnn", "min_gru"])
def test_a_cell_without_a_recurrent_matrix_has_no_spectral_radius(cell: str) -> None:
    model = {"cell": cell, "spectral_radius": 1.0}
    with pytest.raises(engine.ConfigError, match="has no recurrent matrix"):
        engine.RunConfig.from_dict({"task": {"kind": "adding"}, "model": model})
