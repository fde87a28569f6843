"""Runs whose trouble is known from how they are made: what the verdict is held to.

The label of a run follows from its configuration (weights too small for the distance, no
clipping at a learning rate of 1000 …). A healthy one learns its task, by its loss, and has nothing
in it that a definition calls trouble: a clipping threshold under all its gradients, a learning
rate that switches most of its units off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import RunConfig

ADAM = {"kind": "adam", "learning_rate": 0.01}
NORM = {"kind": "norm", "threshold": 1.0}
RARE = {"kind": "norm", "threshold": 100.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A run and the trouble it was made to have.

    Attributes:
        label: Kind that the verdict must name; "healthy" allows no other.
        task, model, training: Sections of the configuration, over the small defaults.
    """

    name: str
    label: str
    task: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> RunConfig:
        """Return the run's configuration."""
        training = {"steps": 300, "batch_size": 32, "optimizer": ADAM, "clipping": NORM}
        steps = int(self.training.get("steps", 300))
        return RunConfig.from_dict(
            {
                "name": self.name,
                "task": {"kind": "adding", "validation": 0.1, **self.task},
                "model": {"hidden_size": 32, **self.model},
                "training": {**training, **self.training},
                "recording": {"every": max(1, steps // 4), "probe_size": 32, "statistics": []},
            }
        )


def adding(length: int) -> dict[str, Any]:
    """Return the adding task at a length."""
    return {"kind": "adding", "length": length}


def sgd(rate: float, **more: float) -> dict[str, Any]:
    """Return plain SGD at a rate."""
    return {"kind": "sgd", "learning_rate": rate, **more}


ORTHOGONAL = {"kind": "orthogonal"}
IDENTITY = {"kind": "identity"}
SLOW = {"optimizer": sgd(1e-6), "steps": 40}

HEALTHY = (
    Labelled(
        name="LSTM, adding over 20 steps",
        label="healthy",
        task=adding(20),
        model={"cell": "lstm"},
        training={"steps": 1200},
    ),
    Labelled(
        name="GRU, adding over 20 steps",
        label="healthy",
        task=adding(20),
        model={"cell": "gru"},
        training={"steps": 500},
    ),
    Labelled(
        name="LSTM with forget bias, adding over 40 steps",
        label="healthy",
        task=adding(40),
        model={"cell": "lstm", "forget_bias": 3.0},
        training={"steps": 2000},
    ),
    Labelled(
        name="IRNN, adding over 20 steps",
        label="healthy",
        task=adding(20),
        model={"cell": "elman", "activation": "relu", "initializer": IDENTITY},
        training={"steps": 700, "optimizer": {"kind": "adam", "learning_rate": 0.003}},
    ),
    Labelled(
        name="orthogonal tanh, adding over 10 steps",
        label="healthy",
        task=adding(10),
        model={"cell": "elman", "activation": "tanh", "initializer": ORTHOGONAL},
        training={"steps": 500},
    ),
    Labelled(
        name="two layers of LSTM, adding over 15 steps",
        label="healthy",
        task=adding(15),
        model={"cell": "lstm", "layers": 2},
        training={"steps": 500},
    ),
    Labelled(
        name="leaky units, adding over 15 steps",
        label="healthy",
        task=adding(15),
        model={"cell": "leaky", "options": {"alpha": 0.2}, "initializer": ORTHOGONAL},
        training={"steps": 1500},
    ),
    Labelled(
        name="residual units, adding over 15 steps",
        label="healthy",
        task=adding(15),
        model={"cell": "residual", "options": {"alpha": 0.1}},
        training={"steps": 1500},
    ),
    Labelled(
        name="orthogonal tanh, digits",
        label="healthy",
        task={"kind": "digits"},
        model={"cell": "elman", "activation": "tanh", "initializer": ORTHOGONAL, "hidden_size": 64},
        training={
            "steps": 600,
            "optimizer": {"kind": "adam", "learning_rate": 0.001},
            "clipping": RARE,
        },
    ),
    Labelled(
        name="LSTM with forget bias, digits",
        label="healthy",
        task={"kind": "digits"},
        model={"cell": "lstm", "forget_bias": 3.0},
        training={"steps": 400, "clipping": RARE},
    ),
    Labelled(
        name="GRU, temporal order over 12 steps",
        label="healthy",
        task={"kind": "temporal_order", "length": 12},
        model={"cell": "gru"},
        training={"steps": 400},
    ),
    Labelled(
        name="LSTM, temporal order over 20 steps",
        label="healthy",
        task={"kind": "temporal_order", "length": 20},
        model={"cell": "lstm", "forget_bias": 2.0},
        training={"steps": 400},
    ),
    Labelled(
        name="orthogonal leaky ReLU, adding over 10 steps",
        label="healthy",
        task=adding(10),
        model={
            "cell": "elman",
            "activation": {"kind": "leaky_relu", "slope": 0.5},
            "initializer": ORTHOGONAL,
        },
        training={"steps": 500, "optimizer": {"kind": "adam", "learning_rate": 0.003}},
    ),
    Labelled(
        name="LSTM trained with SGD and momentum, adding over 10 steps",
        label="healthy",
        task=adding(10),
        model={"cell": "lstm"},
        training={"steps": 1500, "optimizer": sgd(0.2, momentum=0.9)},
    ),
)

VANISHING = (
    Labelled(
        name="sigmoid, adding over 60 steps",
        label="vanishing",
        task=adding(60),
        model={"cell": "elman", "activation": "sigmoid", "initializer": ORTHOGONAL},
    ),
    Labelled(
        name="small tanh, adding over 60 steps",
        label="vanishing",
        task=adding(60),
        model={"cell": "elman", "activation": "tanh", "spectral_radius": 0.5},
        training=SLOW,
    ),
    Labelled(
        name="tanh as PyTorch starts it, adding over 80 steps",
        label="vanishing",
        task=adding(80),
        model={"cell": "elman", "activation": "tanh"},
        training=SLOW,
    ),
    Labelled(
        name="ReLU as PyTorch starts it, adding over 60 steps",
        label="vanishing",
        task=adding(60),
        model={"cell": "elman", "activation": "relu"},
        training=SLOW,
    ),
    Labelled(
        name="LSTM with closed forget gates, adding over 60 steps",
        label="vanishing",
        task=adding(60),
        model={"cell": "lstm", "forget_bias": -2.0},
        training=SLOW,
    ),
    Labelled(
        name="GRU as PyTorch starts it, adding over 200 steps",
        label="vanishing",
        task=adding(200),
        model={"cell": "gru"},
        training=SLOW,
    ),
    Labelled(
        name="shrinking linear network, adding over 60 steps",
        label="vanishing",
        task=adding(60),
        model={
            "cell": "elman",
            "activation": "identity",
            "initializer": {"kind": "orthogonal", "gain": 0.8},
        },
        training=SLOW,
    ),
    Labelled(
        name="two layers of sigmoid, temporal order over 60 steps",
        label="vanishing",
        task={"kind": "temporal_order", "length": 60},
        model={"cell": "elman", "activation": "sigmoid", "layers": 2},
        training={"steps": 60},
    ),
)

EXPLODING = (
    Labelled(
        name="growing linear network, adding over 60 steps",
        label="exploding",
        task=adding(60),
        model={
            "cell": "elman",
            "activation": "identity",
            "initializer": {"kind": "orthogonal", "gain": 1.3},
        },
        training=SLOW,
    ),
    Labelled(
        name="ReLU with 1.3 times the identity, adding over 60 steps",
        label="exploding",
        task=adding(60),
        model={
            "cell": "elman",
            "activation": "relu",
            "initializer": {"kind": "identity", "gain": 1.3},
        },
        training=SLOW,
    ),
    Labelled(
        name="leaky ReLU with a large orthogonal matrix, adding over 60 steps",
        label="exploding",
        task=adding(60),
        model={
            "cell": "elman",
            "activation": {"kind": "leaky_relu", "slope": 0.5},
            "initializer": {"kind": "orthogonal", "gain": 2.0},
        },
        training=SLOW,
    ),
    Labelled(
        name="residual units with large steps, adding over 60 steps",
        label="exploding",
        task=adding(60),
        model={
            "cell": "residual",
            "activation": "identity",
            "options": {"alpha": 1.0},
            "initializer": {"kind": "identity", "gain": 0.3},
        },
        training=SLOW,
    ),
)

DIVERGED = (
    Labelled(
        name="linear network at a learning rate of 1000",
        label="diverged",
        task=adding(30),
        model={"cell": "elman", "activation": "identity", "initializer": ORTHOGONAL},
        training={"optimizer": sgd(1000.0), "clipping": None},
    ),
    Labelled(
        name="ReLU with 1.5 times the identity, without clipping",
        label="diverged",
        task=adding(60),
        model={
            "cell": "elman",
            "activation": "relu",
            "initializer": {"kind": "identity", "gain": 1.5},
        },
        training={"optimizer": sgd(0.1), "clipping": None},
    ),
    Labelled(
        name="two layers of ReLU at a learning rate of 1000",
        label="diverged",
        task=adding(30),
        model={"cell": "elman", "activation": "relu", "initializer": IDENTITY, "layers": 2},
        training={"optimizer": sgd(1000.0), "clipping": None},
    ),
)

SATURATED = (
    Labelled(
        name="tanh with weights ten times too large",
        label="saturated",
        task=adding(30),
        model={
            "cell": "elman",
            "activation": "tanh",
            "initializer": {"kind": "orthogonal", "gain": 10.0},
        },
        training=SLOW,
    ),
    Labelled(
        name="sigmoid with weights fifty times too large",
        label="saturated",
        task=adding(30),
        model={
            "cell": "elman",
            "activation": "sigmoid",
            "initializer": {"kind": "orthogonal", "gain": 50.0},
        },
        training=SLOW,
    ),
    Labelled(
        name="tanh driven by inputs a hundred times too large",
        label="saturated",
        task={"kind": "temporal_order", "length": 20},
        model={
            "cell": "elman",
            "activation": "tanh",
            "input_initializer": {"kind": "xavier", "gain": 100.0},
        },
        training=SLOW,
    ),
)

DEAD_UNITS = (
    Labelled(
        name="ReLU after one update that was far too large",
        label="dead_units",
        task=adding(20),
        model={"cell": "elman", "activation": "relu"},
        training={"optimizer": sgd(30.0), "clipping": NORM, "steps": 40},
    ),
    Labelled(
        name="ReLU on digits at a learning rate of 30",
        label="dead_units",
        task={"kind": "digits"},
        model={"cell": "elman", "activation": "relu", "initializer": IDENTITY},
        training={"optimizer": sgd(30.0), "clipping": NORM, "steps": 40},
    ),
)

CLIPPED = (
    Labelled(
        name="LSTM clipped at a ten thousandth",
        label="clipped_always",
        task=adding(20),
        model={"cell": "lstm"},
        training={"clipping": {"kind": "norm", "threshold": 1e-4}, "steps": 100},
    ),
    Labelled(
        name="tanh with every entry clipped at a millionth",
        label="clipped_always",
        task=adding(20),
        model={"cell": "elman", "activation": "tanh", "initializer": ORTHOGONAL},
        training={"clipping": {"kind": "value", "threshold": 1e-6}, "steps": 100},
    ),
)

TRUNCATED = (
    Labelled(
        name="LSTM cut every 10 steps, adding over 40",
        label="truncated",
        task=adding(40),
        model={"cell": "lstm"},
        training={"truncation": 10, "steps": 40},
    ),
    Labelled(
        name="orthogonal tanh cut every 5 steps, digits",
        label="truncated",
        task={"kind": "digits"},
        model={"cell": "elman", "activation": "tanh", "initializer": ORTHOGONAL},
        training={"truncation": 5, "steps": 40},
    ),
)

NOT_LEARNING = (
    Labelled(
        name="LSTM at a learning rate of a billionth",
        label="not_learning",
        task=adding(20),
        model={"cell": "lstm"},
        training={"optimizer": sgd(1e-9), "steps": 100},
    ),
    Labelled(
        name="tanh without a way back from the answer, adding over 60 steps",
        label="not_learning",
        task=adding(60),
        model={"cell": "elman", "activation": "tanh", "spectral_radius": 0.3},
        training={"steps": 300, "optimizer": {"kind": "adam", "learning_rate": 0.001}},
    ),
    Labelled(
        name="sigmoid on temporal order over 60 steps",
        label="not_learning",
        task={"kind": "temporal_order", "length": 60},
        model={"cell": "elman", "activation": "sigmoid"},
        training={"steps": 200},
    ),
)

LABELLED = (
    HEALTHY + VANISHING + EXPLODING + DIVERGED + SATURATED + DEAD_UNITS + CLIPPED + NOT_LEARNING
)
