"""Whole trainings: the weights after forty updates are those of PyTorch's optimizers."""

from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest

import engine
from engine.tasks.base import Batch
from tests.reference.problems import relative_difference

torch = pytest.importorskip("torch")

from tests.reference import torch_training  # noqa: E402  (after importorskip)

pytestmark = pytest.mark.torch

STEPS = 40
RATE = 0.05

CLOSE = 1e-8
"""Rounding of 1e-16 an update, which training amplifies: forty updates leave less than 1e-11."""

OPTIMIZERS: Mapping[str, dict[str, Any]] = {
    "sgd": {"optimizer": {"kind": "sgd", "learning_rate": RATE}},
    "momentum": {"optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9}},
    "adam": {"optimizer": {"kind": "adam", "learning_rate": RATE}},
    "adam with other betas": {
        "optimizer": {"kind": "adam", "learning_rate": RATE, "beta1": 0.7, "beta2": 0.95}
    },
    "cosine": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.5},
        "schedule": {"kind": "cosine", "final_share": 0.1},
    },
    "nesterov": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9, "nesterov": True}
    },
    "rmsprop": {"optimizer": {"kind": "rmsprop", "learning_rate": 0.01, "epsilon": 1e-3}},
    "centered rmsprop": {
        "optimizer": {
            "kind": "rmsprop",
            "learning_rate": 0.01,
            "epsilon": 1e-2,
            "momentum": 0.5,
            "centered": True,
        }
    },
    "adagrad": {"optimizer": {"kind": "adagrad", "learning_rate": RATE}},
    "adamw": {"optimizer": {"kind": "adamw", "learning_rate": RATE, "weight_decay": 0.1}},
    "step": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE},
        "schedule": {"kind": "step", "period": 9, "factor": 0.3},
    },
    "exponential": {
        "optimizer": {"kind": "adam", "learning_rate": RATE},
        "schedule": {"kind": "exponential", "factor": 0.95},
    },
    "plateau": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE},
        "schedule": {"kind": "plateau", "every": 1, "patience": 2, "threshold": 0.1},
    },
    "three threads": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "threads": 3,
    },
    "clipped by norm": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "clipping": {"kind": "norm", "threshold": 0.3},
    },
    "clipped by value": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "clipping": {"kind": "value", "threshold": 0.02},
    },
    "clipped by tensor": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "clipping": {"kind": "norm", "threshold": 0.05, "scope": "tensor"},
    },
    "clipped by unit": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "clipping": {"kind": "adaptive", "threshold": 0.02, "epsilon": 1e-3},
    },
}
CLIPPED = [name for name in OPTIMIZERS if name.startswith("clipped")]

MODELS: Mapping[str, dict[str, Any]] = {
    "tanh": {"cell": "elman", "activation": "tanh"},
    "lstm": {"cell": "lstm", "layers": 2},
    "gru": {"cell": "gru"},
}

every_case = pytest.mark.parametrize(
    ("model", "optimizer", "task"),
    [
        *((model, "momentum", task) for model in MODELS for task in ("adding", "temporal_order")),
        *(("gru", optimizer, "adding") for optimizer in OPTIMIZERS),
    ],
)


def config_of(model: str, optimizer: str, task: str) -> engine.RunConfig:
    return engine.RunConfig.from_dict(
        {
            "name": "beside PyTorch",
            "seed": 3,
            "task": {"kind": task, "length": 12},
            "model": {"hidden_size": 6, **MODELS[model]},
            "training": {
                "steps": STEPS,
                "batch_size": 5,
                "precision": "float64",
                "clipping": None,
                **OPTIMIZERS[optimizer],
            },
            "recording": {"every": 1000},
        }
    )


@cache
def ours(model: str, optimizer: str, task: str) -> dict[str, Any]:
    found: dict[str, Any] = {"losses": [], "norms": [], "batches": []}
    for snapshot in engine.train(config_of(model, optimizer, task)):
        if snapshot.step == 0:
            found["first"] = snapshot.parameters()
        found["last"] = snapshot.parameters()
        if snapshot.batch is not None:
            batch = snapshot.batch
            copied = Batch(batch.inputs.copy(), batch.targets.copy(), batch.mask.copy())
            found["batches"].append(copied)
            found["losses"].append(snapshot.loss)
            found["norms"].append(snapshot.gradient_norm)
    return found


@cache
def theirs(model: str, optimizer: str, task: str) -> torch_training.Trained:
    mine, training = ours(model, optimizer, task), OPTIMIZERS[optimizer]
    cell, layers = str(MODELS[model]["cell"]), int(str(MODELS[model].get("layers", 1)))
    twin = torch_training.Model(cell, mine["first"], layers)
    updater = optimizer_of(dict(training["optimizer"]), twin)
    scheduler = scheduler_of(training.get("schedule"), updater)
    clip = clip_of(training.get("clipping"))
    return torch_training.train(twin, mine["batches"], updater, scheduler, clip)


def optimizer_of(options: dict[str, Any], twin: torch_training.Model) -> Any:  # noqa: ANN401
    kind, rate = options.pop("kind"), options.pop("learning_rate")
    names = {"epsilon": "eps", "decay": "alpha"}
    settings = {names.get(name, name): value for name, value in options.items()}
    if kind in ("adam", "adamw"):
        settings["betas"] = (settings.pop("beta1", 0.9), settings.pop("beta2", 0.999))
    classes = {
        "sgd": torch.optim.SGD,
        "rmsprop": torch.optim.RMSprop,
        "adagrad": torch.optim.Adagrad,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return classes[kind](twin.parameters(), rate, **settings)


def scheduler_of(options: Mapping[str, Any] | None, updater: Any) -> Any:  # noqa: ANN401
    schedulers = torch.optim.lr_scheduler
    match options:
        case {"kind": "cosine", "final_share": share}:
            return schedulers.CosineAnnealingLR(updater, STEPS, RATE * share)
        case {"kind": "step", "period": period, "factor": factor}:
            return schedulers.StepLR(updater, period, factor)
        case {"kind": "exponential", "factor": factor}:
            return schedulers.ExponentialLR(updater, factor)
        case {"kind": "plateau", "patience": patience, "threshold": threshold}:
            # 0.5 is our default.
            return schedulers.ReduceLROnPlateau(
                updater, factor=0.5, patience=patience, threshold=threshold
            )
    return None


def clip_of(options: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
    match options:
        case {"kind": "norm", "threshold": threshold, "scope": "tensor"}:
            return torch_training.clip_each(threshold)
        case {"kind": "norm", "threshold": threshold}:
            return torch_training.clip_norm(threshold)
        case {"kind": "value", "threshold": threshold}:
            return torch_training.clip_value(threshold)
        case {"kind": "adaptive", "threshold": threshold, "epsilon": epsilon}:
            return torch_training.clip_units(threshold, epsilon)
    return None


@every_case
def test_every_loss_on_the_way_is_pytorchs(model: str, optimizer: str, task: str) -> None:
    mine, other = ours(model, optimizer, task), theirs(model, optimizer, task)
    assert relative_difference(np.array(mine["losses"]), np.array(other.losses)) <= CLOSE


@every_case
def test_every_gradient_norm_on_the_way_is_pytorchs(model: str, optimizer: str, task: str) -> None:
    mine, other = ours(model, optimizer, task), theirs(model, optimizer, task)
    assert relative_difference(np.array(mine["norms"]), np.array(other.norms)) <= CLOSE


@every_case
def test_the_weights_at_the_end_are_pytorchs(model: str, optimizer: str, task: str) -> None:
    mine, other = ours(model, optimizer, task), theirs(model, optimizer, task)
    differences = {
        name: relative_difference(mine["last"][name], other.parameters[name])
        for name in mine["last"]
    }
    assert max(differences.values()) <= CLOSE, differences


@pytest.mark.parametrize("optimizer", CLIPPED)
def test_the_clipping_of_these_trainings_is_at_work(optimizer: str) -> None:
    factors = [
        snapshot.clip_factor
        for snapshot in islice(engine.train(config_of("gru", optimizer, "adding")), STEPS)
    ]
    assert min(factor for factor in factors if factor is not None) < 0.9
