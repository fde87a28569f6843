"""Where a new run may start from: configurations that show something, each with its sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A configuration to start from; what it leaves out has its default."""

    title: str
    sentence: str
    config: Mapping[str, Any]


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "vanishing": Preset(
            title="Watch it vanish",
            sentence="A sigmoid's slope is a quarter at most: unless the weights are large, each "
            "step back loses a factor of four or more, and nothing reaches the first of 100.",
            config={
                "task": {"kind": "adding", "length": 100},
                "model": {"cell": "elman", "activation": "sigmoid", "hidden_size": 64},
                "training": {
                    "steps": 1000,
                    "optimizer": {"kind": "sgd", "learning_rate": 0.01},
                    "clipping": None,
                },
                "recording": {"every": 25},
            },
        ),
        "exploding": Preset(
            title="Make it explode",
            sentence="Weights that start almost twice too large: the gradient grows a hundred "
            "thousand times on its way back, and clipping alone keeps the training alive.",
            config={
                "task": {"kind": "adding", "length": 100},
                "model": {
                    "cell": "elman",
                    "activation": "tanh",
                    "hidden_size": 64,
                    "initializer": {"kind": "orthogonal", "gain": 1.8},
                },
                "training": {
                    "steps": 500,
                    "optimizer": {"kind": "sgd", "learning_rate": 0.01},
                    "clipping": {"kind": "norm", "threshold": 1.0},
                },
                "recording": {"every": 10},
            },
        ),
        "lstm": Preset(
            title="Keep it alive",
            sentence="An LSTM whose forget gates start open carries the gradient along its "
            "cell state, and learns what lies 50 steps back.",
            config={
                "task": {"kind": "adding", "length": 50},
                "model": {"cell": "lstm", "hidden_size": 64, "forget_bias": 1.0},
                "training": {
                    "steps": 2000,
                    "optimizer": {"kind": "adam", "learning_rate": 0.003},
                    "clipping": {"kind": "norm", "threshold": 1.0},
                },
                "recording": {"every": 50},
            },
        ),
        "digits": Preset(
            title="Real data",
            sentence="Handwritten digits, read pixel by pixel: a GRU has to remember 64 steps "
            "to name the digit.",
            config={
                "task": {"kind": "digits"},
                "model": {"cell": "gru", "hidden_size": 64},
                "training": {
                    "steps": 2000,
                    "optimizer": {"kind": "adam", "learning_rate": 0.003},
                    "clipping": {"kind": "norm", "threshold": 1.0},
                },
                "recording": {"every": 50},
            },
        ),
    }
)
