"""The starter comparison: one long-dependency task on four networks, so that a first look shows."""

from collections.abc import Mapping
from typing import Any

from app.runs.tags import STARTER

STEPS = 3000
NETWORKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sigmoid", {"cell": "elman", "activation": "sigmoid"}),
    ("tanh", {"cell": "elman", "activation": "tanh"}),
    (
        "relu, identity start",
        {"cell": "elman", "activation": "relu", "initializer": {"kind": "identity"}},
    ),
    # With the forget gate open from the start the LSTM has found the lag by half way.
    ("lstm", {"cell": "lstm", "forget_bias": 1.0}),
)


def starter_configurations() -> list[dict[str, Any]]:
    """Return the four configurations: adding at T = 100, alike in all but the network."""
    return [
        {
            "name": f"Adding, {name}",
            "seed": 0,
            "tags": [STARTER],
            "task": {"kind": "adding", "length": 100},
            "model": {"hidden_size": 32, **network},
            "training": {
                "steps": STEPS,
                "batch_size": 32,
                "optimizer": {"kind": "adam", "learning_rate": 0.01},
                "schedule": {"kind": "cosine"},
                "clipping": {"kind": "norm", "threshold": 1.0},
            },
            "recording": {"every": 50},
        }
        for name, network in NETWORKS
    ]


def is_started(config: Mapping[str, Any], place: int) -> bool:
    """Return whether a run's configuration is one of the four, unchanged in what it was given."""
    return _holds(config, starter_configurations()[place])


def _holds(config: object, given: object) -> bool:
    """Return whether a configuration says all that was given, beside its defaults."""
    if isinstance(given, Mapping):
        return isinstance(config, Mapping) and all(
            _holds(config.get(key), value) for key, value in given.items()
        )
    return config == given
