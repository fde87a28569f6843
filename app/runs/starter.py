"""The starter comparison: one long-dependency task on four networks, so that a first look shows."""

from typing import Any

STEPS = 3000
TAG = "starter"
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
            "tags": [TAG],
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
