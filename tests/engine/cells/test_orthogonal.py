"""The orthogonal cell stays orthogonal, starts as rotations, and its rotations keep gradients."""

from typing import Any

import numpy as np
import pytest

import engine
from engine.cells import make_cell, orthogonal
from engine.learning import train
from engine.learning.training import Training

H = 7

maps = pytest.mark.parametrize("kind", ["exponential", "cayley"])


def config(kind: str, **training: object) -> engine.RunConfig:
    return engine.RunConfig.from_dict(
        {
            "task": {"kind": "adding", "length": 5},
            "model": {"cell": "orthogonal", "hidden_size": H, "options": {"map": kind}},
            "training": {"batch_size": 2, "precision": "float64", **training},
        }
    )


def rotations(kind: str, rng: np.random.Generator, size: int) -> np.ndarray:
    """Return W of the cell's own start."""
    start = engine.RunConfig.from_dict(
        {"task": {"kind": "adding"}, "model": {"cell": "orthogonal", "options": {"map": kind}}}
    ).model.start()
    stored = orthogonal.rotations(start, rng, (size, size))
    weight_map = make_cell("orthogonal", options={"map": kind}).weight_map
    assert weight_map is not None
    return weight_map(stored).weights


@maps
def test_the_weights_stay_orthogonal_over_a_thousand_updates(kind: str) -> None:
    # A learning rate and threshold at which every update moves the rotation visibly.
    optimizer: dict[str, Any] = {"kind": "sgd", "learning_rate": 0.1}
    training = Training(config(kind, steps=1000, optimizer=optimizer))
    first = training.network.layers[0].recurrent_blocks()["h"].copy()
    for _ in training.snapshots():
        pass
    last = training.network.layers[0].recurrent_blocks()["h"]
    assert np.abs(last - first).max() > 0.1
    assert np.abs(last.T @ last - np.eye(H)).max() < 1e-12


@maps
def test_what_is_not_read_is_never_changed(kind: str) -> None:
    snapshots = train(config(kind, steps=3))
    first = next(snapshots).network.parameters()["weight_hh_l0"]
    *_, last = (snapshot.network.parameters()["weight_hh_l0"] for snapshot in snapshots)
    np.testing.assert_array_equal(np.triu(last), np.triu(first))
    assert np.abs(np.tril(last - first, -1)).max() > 0


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("exponential", -np.pi, np.pi), ("cayley", 0, np.pi / 2)]
)
def test_the_start_rotates_pairs_of_units_by_angles_of_the_stated_range(
    kind: str, low: float, high: float, rng: np.random.Generator
) -> None:
    weights = rotations(kind, rng, 400)
    angles = np.arctan2(weights.diagonal(-1)[::2], weights.diagonal()[::2])
    assert low <= angles.min() < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < angles.max() <= high
    assert not weights.diagonal(-1)[1::2].any()


@maps
def test_an_odd_last_unit_starts_with_the_weight_one(kind: str, rng: np.random.Generator) -> None:
    assert rotations(kind, rng, H)[-1, -1] == pytest.approx(1, abs=1e-15)


@maps
def test_a_linear_network_keeps_the_gradients_norm(kind: str, rng: np.random.Generator) -> None:
    T, B = 200, 2
    weights = {"weight_ih_l0": rng.normal(size=(H, 1)), "weight_hh_l0": rng.normal(size=(H, H))}
    traced = engine.trace(
        "orthogonal",
        weights,
        rng.normal(size=(T, B, 1)),
        final_state_gradients=rng.normal(size=(1, B, H)),
        options={"activation": "identity", "map": kind},
    )
    norms = traced.hidden_gradient.log10_norm()
    assert np.abs(norms - norms[:, -1:]).max() < 1e-12


def test_a_spectral_radius_is_not_asked_of_a_rotation() -> None:
    model = {"cell": "orthogonal", "spectral_radius": 1.0}
    with pytest.raises(engine.ConfigError, match="by a rule of its own"):
        engine.RunConfig.from_dict({"task": {"kind": "adding"}, "model": model})
