"""Pascanu's regularizer: its definition, its derivative by differences, and what it does."""

from typing import Any

import numpy as np
import pytest

from engine.activations import make_activation
from engine.arrays import Array
from engine.bptt.exponents import shift
from engine.bptt.sweep import Sweep
from engine.config import RunConfig, VanishingRegularizer
from engine.config.regularizers import REGULARIZED_CELLS
from engine.errors import ConfigError
from engine.learning import train
from engine.learning.regularizer import DIAGONALS, Regularization
from engine.learning.training import Training

Json = dict[str, Any]
WEIGHT = 0.7


def config_of(cell: str, activation: str = "tanh", **changes: Any) -> RunConfig:  # noqa: ANN401
    """Return a small training with the regularizer."""
    task = {"kind": "copy", "length": 23} if changes.pop("every", True) else {"kind": "adding"}
    return RunConfig.from_dict(
        {
            "seed": 5,
            "task": {"validation": 0.01, **task},
            "model": {"cell": cell, "activation": activation, "hidden_size": 4, **changes},
            "training": {
                "steps": 5,
                "batch_size": 3,
                "precision": "float64",
                "clipping": None,
                "regularizer": {"kind": "vanishing", "weight": WEIGHT},
            },
        }
    )


def swept(config: RunConfig) -> Training:
    """Return a training whose first batch has been swept."""
    training = Training(config)
    training.look()
    return training


def true_adjoints(sweep: Sweep, layer: int) -> Array:
    """Return λ_t without exponents, (T, B, H)."""
    back = sweep.backward_layers[layer]
    adjoints = back.state_adjoints.copy()
    shift(adjoints, back.state_exponents[:, None, :])
    return adjoints.transpose(0, 2, 1)


def omega(cell: str, W: Array, adjoints: Array, pre: Array, activation: str) -> float:
    """Return Ω from its definition, one sample and one time step after the other.

    Args:
        cell: Its name.
        W: The recurrent weights in question.
        adjoints: λ_t, (T, B, H), held.
        pre: Where φ′ is taken: a_t, or h_{t−1}, (T, B, H), held.
        activation: φ's name.
    """
    slopes = make_activation(activation).slope(pre)
    samples = []
    for b in range(adjoints.shape[1]):
        terms = []
        for t in range(len(adjoints)):
            diagonal, vector = np.diag(slopes[t, b]), adjoints[t, b]
            jacobian = diagonal @ W if cell == "elman" else W @ diagonal
            if np.any(vector != 0):
                ratio = np.linalg.norm(jacobian.T @ vector) / np.linalg.norm(vector)
                terms.append((ratio**2 - 1) ** 2)
        samples.append(float(np.mean(terms)) if terms else 0.0)
    return float(np.mean(samples))


def pre_activations(training: Training, layer: int) -> Array:
    """Return where φ′ is taken, (T, B, H), computed from the recurrence itself."""
    tape, weights = training.sweep.tapes[layer], training.network.parameters()
    if training.network.cell.name == "preactivation":
        # Row t of the tape is h after step t: shifted by one, and zero before the first.
        states = tape.tape_rows.view(tape.tape, "h").transpose(0, 2, 1)
        return np.concatenate([np.zeros_like(states[:1]), states[:-2]])
    xs = tape.xs[:-1].transpose(0, 2, 1)
    before = tape.outputs[:-1].transpose(0, 2, 1)
    return np.asarray(
        xs @ weights[f"weight_ih_l{layer}"].T
        + before @ weights[f"weight_hh_l{layer}"].T
        + weights[f"bias_ih_l{layer}"]
    )


CASES = pytest.mark.parametrize(
    ("cell", "activation"),
    [(cell, name) for cell in REGULARIZED_CELLS for name in ("tanh", "sigmoid", "relu")],
)


@CASES
@pytest.mark.parametrize("every", [True, False], ids=["asked at every step", "asked at the end"])
def test_omega_is_its_definition(cell: str, activation: str, every: bool) -> None:
    training = swept(config_of(cell, activation, every=every))
    W = training.network.parameters()["weight_hh_l0"]
    adjoints = true_adjoints(training.sweep, 0)
    expected = omega(cell, W, adjoints, pre_activations(training, 0), activation)
    assert training.look().penalty is not None
    training = swept(config_of(cell, activation, every=every))
    found = Regularization(VanishingRegularizer(), training.network).add(training.sweep)
    assert found == pytest.approx(expected, rel=1e-11)
    assert found > 0


@CASES
def test_its_gradient_is_the_difference_in_w_with_adjoints_and_slopes_frozen(
    cell: str, activation: str, rng: np.random.Generator
) -> None:
    training = swept(config_of(cell, activation, layers=2))
    network, sweep = training.network, training.sweep
    network.gradient[:] = 0
    Regularization(VanishingRegularizer(weight=WEIGHT), network).add(sweep)
    found = network.gradients()
    for layer in range(2):
        W = network.parameters()[f"weight_hh_l{layer}"]
        adjoints, pre = true_adjoints(sweep, layer), pre_activations(training, layer)
        # Ω is a polynomial of degree four in W: central differences stray by step² alone.
        step = 1e-4
        for _ in range(5):
            direction = rng.standard_normal(W.shape)
            above, below = (
                omega(cell, W + sign * step * direction, adjoints, pre, activation)
                for sign in (1, -1)
            )
            expected = WEIGHT * (above - below) / (2 * step)
            projected = float((found[f"weight_hh_l{layer}"] * direction).sum())
            assert projected == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert all(np.all(gradient == 0) for name, gradient in found.items() if "weight_hh" not in name)


@pytest.mark.parametrize("cell", REGULARIZED_CELLS)
def test_the_training_descends_on_loss_and_term_together(cell: str) -> None:
    with_term, without = swept(config_of(cell)), config_of(cell).to_dict()
    without["training"]["regularizer"] = None  # type: ignore[index]
    plain = swept(RunConfig.from_dict(without))
    term = swept(config_of(cell))
    term.network.gradient[:] = 0
    Regularization(VanishingRegularizer(weight=WEIGHT), term.network).add(term.sweep)
    expected = plain.network.gradient + term.network.gradient
    np.testing.assert_allclose(with_term.network.gradient, expected, rtol=1e-12, atol=1e-15)


def test_steps_without_a_gradient_do_not_count() -> None:
    # Asked at the end of half the sequence: no λ above, and those below count alone.
    training = swept(config_of("elman", every=False))
    sweep, W = training.sweep, training.network.parameters()["weight_hh_l0"]
    term = Regularization(VanishingRegularizer(), training.network)
    adjoints = sweep.backward_layers[0].state_adjoints.copy()
    whole, _ = term.layer(sweep.tapes[0], adjoints, W)
    adjoints[:50] = 0
    half, derivative = term.layer(sweep.tapes[0], adjoints, W)
    kept = true_adjoints(sweep, 0)
    kept[:50] = 0
    assert half == pytest.approx(
        omega("elman", W, kept, pre_activations(training, 0), "tanh"), rel=1e-11
    )
    assert half != pytest.approx(whole, rel=1e-3)
    adjoints[:] = 0
    assert term.layer(sweep.tapes[0], adjoints, W)[0] == 0
    assert np.all(np.isfinite(derivative))


@pytest.mark.parametrize("cell", REGULARIZED_CELLS)
def test_an_orthogonal_linear_network_has_nothing_to_mend(cell: str) -> None:
    config = config_of(cell, "identity", initializer={"kind": "orthogonal"}, every=False)
    training = swept(config)
    assert training.look().penalty == pytest.approx(0, abs=1e-20)


def test_adjoints_far_out_of_range_count_as_any_others() -> None:
    # Over 400 steps a sigmoid's float32 adjoints fall below the smallest number many times over.
    changes = {"spectral_radius": 0.5, "every": False}
    config = config_of("elman", "sigmoid", **changes).to_dict()
    config["task"]["length"] = 400  # type: ignore[index]
    config["training"]["precision"] = "float32"  # type: ignore[index]
    penalty = swept(RunConfig.from_dict(config)).look().penalty
    assert penalty is not None
    # Nearly everything is lost at every step: (0 − 1)² on the mean over all 400 steps.
    assert 0.9 < penalty < 1


def test_the_term_opens_a_network_that_forgets() -> None:
    changes: Json = {"hidden_size": 16, "initializer": {"kind": "normal", "deviation": 0.1}}
    config = config_of("elman", **changes).to_dict()
    config["training"]["steps"] = 200  # type: ignore[index]
    penalties = [s.penalty for s in train(RunConfig.from_dict(config)) if s.penalty is not None]
    assert penalties[-1] < 0.5 * penalties[0]


def test_the_registry_is_what_the_configuration_lets_through() -> None:
    assert tuple(DIAGONALS) == REGULARIZED_CELLS


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_other_cells_are_refused(cell: str) -> None:
    config: Json = {
        "task": {"kind": "adding"},
        "model": {"cell": cell},
        "training": {"regularizer": {"kind": "vanishing"}},
    }
    with pytest.raises(ConfigError, match=r"/training/regularizer: the cell \w+ has no such term"):
        RunConfig.from_dict(config)
