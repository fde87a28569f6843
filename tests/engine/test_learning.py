"""Networks learn: a short form of each long test, and the long ones behind their marker."""

import pytest

from engine.config import RunConfig
from engine.learning import Snapshot, train

Json = dict[str, object]


def trained(config: Json) -> Snapshot:
    """Return the last snapshot of a training."""
    *_, last = train(RunConfig.from_dict(config))
    return last


def adding(length: int, steps: int, learning_rate: float, hidden_size: int = 32) -> Json:
    """Return the LSTM that learns to add."""
    return {
        "task": {"kind": "adding", "length": length},
        "model": {"cell": "lstm", "hidden_size": hidden_size, "forget_bias": 1},
        "training": {
            "steps": steps,
            "optimizer": {"kind": "adam", "learning_rate": learning_rate},
            "schedule": {"kind": "cosine"},
        },
    }


def digits(hidden_size: int, steps: int, learning_rate: float, batch_size: int = 64) -> Json:
    """Return the plain network that reads digits, started orthogonal."""
    return {
        "task": {"kind": "digits"},
        "model": {
            "cell": "elman",
            "hidden_size": hidden_size,
            "initializer": {"kind": "orthogonal"},
        },
        "training": {
            "steps": steps,
            "batch_size": batch_size,
            "optimizer": {"kind": "adam", "learning_rate": learning_rate},
            "schedule": {"kind": "cosine"},
        },
    }


def test_an_lstm_learns_to_add_over_twenty_steps() -> None:
    last = trained(adding(20, steps=600, learning_rate=0.02))
    loss, accuracy = last.validate()
    assert loss < 0.1 * last.task.baseline
    assert accuracy is None


def test_a_plain_network_starts_to_read_digits() -> None:
    loss, accuracy = trained(digits(48, steps=300, learning_rate=0.003, batch_size=32)).validate()
    assert loss < 0.4 * 2.3026
    assert accuracy is not None
    assert accuracy > 0.8


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_lstm_adds_over_fifty_steps(seed: int) -> None:
    config = adding(50, steps=2000, learning_rate=0.01)
    loss, _ = trained({**config, "seed": seed}).validate()
    # A hundredth of what a network without memory reaches (1/6).
    assert loss < 0.01 / 6


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_plain_network_reads_nine_of_ten_held_out_digits(seed: int) -> None:
    config = digits(128, steps=3000, learning_rate=0.001)
    _, accuracy = trained({**config, "seed": seed}).validate()
    assert accuracy is not None
    assert accuracy >= 0.95
