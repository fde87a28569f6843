"""The starter comparison: one long-dependency task on four networks, so that a first look shows."""

from collections.abc import Mapping
from typing import Any

import engine
from app.runs.tags import STARTER

STEPS = 3000
# What the further tabs show and a frame costs next to nothing: of all there is the Jacobians'
# spectra and the paths alone are left out, which would multiply the time of a frame.
FURTHER = (
    "cell_gradient_norm",
    "output_gradient_norm",
    "gain_factors",
    "gate",
    "preactivation_histogram",
    "parameter_gradient_norm",
    "update_ratio",
    "parameter_gradient_histogram",
)
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
    schema: Any = engine.config_schema()
    recorded = schema["properties"]["recording"]["properties"]["statistics"]["default"]
    recording = {"every": 50, "statistics": [*recorded, *FURTHER]}
    return [{**_trained(*each), "recording": recording} for each in NETWORKS]


def is_started(config: Mapping[str, Any], place: int) -> bool:
    """Return whether a run's configuration is one of the four, whatever it records."""
    return _holds(config, _trained(*NETWORKS[place]))


def _trained(name: str, network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of one network, without what is recorded of it."""
    return {
        "name": f"Adding, {name}",
        "seed": 0,
        "tags": [STARTER],
        "task": {"kind": "adding", "length": 100},
        # With fewer units, or looser clipping, chance decides whether ReLU learns it.
        "model": {"hidden_size": 64, **network},
        "training": {
            "steps": STEPS,
            "batch_size": 32,
            "optimizer": {"kind": "adam", "learning_rate": 0.01},
            "schedule": {"kind": "cosine"},
            "clipping": {"kind": "norm", "threshold": 0.1},
        },
    }


def _holds(config: object, given: object) -> bool:
    """Return whether a configuration says all that was given, beside its defaults."""
    if isinstance(given, Mapping):
        return isinstance(config, Mapping) and all(
            _holds(config.get(key), value) for key, value in given.items()
        )
    return config == given
