"""The starter comparison: one long-dependency task on four networks, so that a first look shows."""

from typing import Any

STEPS = 3000
NETWORKS: tuple[tuple[str, str, str | None, str], ...] = (
    ("sigmoid", "elman", "sigmoid", "pytorch"),
    ("tanh", "elman", "tanh", "pytorch"),
    ("relu, identity start", "elman", "relu", "identity"),
    ("lstm", "lstm", None, "pytorch"),
)


def starter_configurations() -> list[dict[str, Any]]:
    """Return the four configurations: adding at T = 100, alike in all but the network."""
    return [
        {
            "name": f"Adding, {name}",
            "seed": 0,
            "tags": ["starter"],
            "task": {"kind": "adding", "length": 100},
            "model": {
                "cell": cell,
                "activation": activation,
                "hidden_size": 64,
                "initializer": {"kind": initializer},
            },
            "training": {
                "steps": STEPS,
                "batch_size": 32,
                "optimizer": {"kind": "adam", "learning_rate": 0.001},
                "clipping": {"kind": "norm", "threshold": 1.0},
            },
            "recording": {"every": 50},
        }
        for name, cell, activation, initializer in NETWORKS
    ]
