"""Cells whose units never mix on the way back through time."""

import numpy as np
import pytest

import engine
from engine.cells import CELLS

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


@pytest.mark.parametrize("cell", ["indrnn", "min_gru", "lru"])
def test_a_cell_without_a_recurrent_matrix_has_no_spectral_radius(cell: str) -> None:
    model = {"cell": cell, "spectral_radius": 1.0}
    with pytest.raises(engine.ConfigError, match="has no recurrent matrix"):
        engine.RunConfig.from_dict({"task": {"kind": "adding"}, "model": model})


def lru(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random parameters of an LRU, with moduli near 0.7 and phases in one turn."""
    return {
        "nu_log_l0": rng.normal(-1, 0.3, H),
        "theta_log_l0": rng.normal(0, 0.5, H),
        "gamma_log_l0": rng.normal(0, 0.3, H),
        **{f"{name}_l0": rng.normal(size=(H, D)) for name in ("B_re", "B_im", "D")},
        **{f"{name}_l0": rng.normal(size=(H, H)) for name in ("C_re", "C_im")},
    }


def test_an_lru_is_its_complex_recurrence(rng: np.random.Generator) -> None:
    p, xs = {k.removesuffix("_l0"): v for k, v in lru(rng).items()}, rng.normal(size=(T, B, D))
    decay = np.exp(-np.exp(p["nu_log"]) + 1j * np.exp(p["theta_log"]))
    s: np.ndarray = rng.normal(size=(B, H)) + 1j * rng.normal(size=(B, H))
    given = {f"{name}_l0": value for name, value in p.items()}
    found = engine.trace(
        "lru",
        given,
        xs,
        initial_state=(s.real[None], s.imag[None]),
        output_gradients=np.zeros((T, B, H)),
    )
    for t, x in enumerate(xs):
        s = decay * s + np.exp(p["gamma_log"]) * (x @ (p["B_re"] + 1j * p["B_im"]).T)
        h = (s @ (p["C_re"] + 1j * p["C_im"]).T).real + x @ p["D"].T
        np.testing.assert_allclose(found.outputs[t], h, atol=1e-13)
        np.testing.assert_allclose(found.hidden[0, t], np.hstack([s.real, s.imag]), atol=1e-13)


def test_an_lrus_gradient_turns_and_fades_with_its_eigenvalue(rng: np.random.Generator) -> None:
    weights = lru(rng)
    last = rng.normal(size=(2, 1, B, H))
    found = engine.trace(
        "lru", weights, rng.normal(size=(T, B, D)), final_state_gradients=(last[0], last[1])
    )
    decay = np.exp(-np.exp(weights["nu_log_l0"]) + 1j * np.exp(weights["theta_log_l0"]))
    expected = (last[0] + 1j * last[1]) * np.conj(decay) ** T
    re, im = found.initial_state_gradient
    np.testing.assert_allclose(re + 1j * im, expected, atol=1e-14)


def test_an_lru_starts_with_states_of_one_size(rng: np.random.Generator) -> None:
    config = engine.RunConfig.from_dict(
        {"task": {"kind": "adding"}, "model": {"cell": "lru", "hidden_size": 4000}}
    )
    shapes = {"nu_log_l0": (4000,), "theta_log_l0": (4000,), "gamma_log_l0": (4000,)}
    drawn = config.model.start().draw(shapes, CELLS["lru"], rng, hidden=4000, length=100)
    squares = np.exp(-2 * np.exp(drawn["nu_log_l0"]))
    np.testing.assert_allclose(np.exp(2 * drawn["gamma_log_l0"]), 1 - squares, rtol=1e-9)
    # Means of 4000 uniform numbers: 0.02 is four standard deviations.
    assert squares.mean() == pytest.approx(0.5, abs=0.02)
    assert np.exp(drawn["theta_log_l0"]).mean() == pytest.approx(np.pi, abs=0.12)
