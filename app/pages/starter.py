"""The starter comparison as the pages offer it."""

from typing import Any


def starter_configs() -> list[dict[str, Any]]:
    """Return the configurations of the starter comparison."""
    base: dict[str, Any] = {
        "task": {"kind": "adding", "length": 100},
        "tags": ["starter"],
        "training": {
            "steps": 1000,
            "optimizer": {"kind": "sgd", "learning_rate": 0.01},
            "clipping": {"kind": "norm", "threshold": 1.0},
        },
        "recording": {"every": 20},
    }
    models = [{"cell": "elman", "activation": a} for a in ("sigmoid", "tanh", "relu")] + [
        {"cell": "lstm"}
    ]
    return [{**base, "model": m} for m in models]
