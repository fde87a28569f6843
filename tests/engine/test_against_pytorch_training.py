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
    "clipped by norm": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "clipping": {"kind": "norm", "threshold": 0.3},
    },
    "clipped by value": {
        "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.9},
        "clipping": {"kind": "value", "threshold": 0.02},
    },
}

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
    options = dict(training["optimizer"])
    rate = options.pop("learning_rate")
    if options.pop("kind") == "sgd":
        updater: Any = torch.optim.SGD(twin.parameters(), rate, **options)
    else:
        betas = (options.get("beta1", 0.9), options.get("beta2", 0.999))
        updater = torch.optim.Adam(twin.parameters(), rate, betas=betas)
    scheduler = None
    if "schedule" in training:
        lowest = rate * training["schedule"]["final_share"]
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(updater, STEPS, lowest)
    clipping = training.get("clipping", {})
    limits = {f"clip_{clipping['kind']}": clipping["threshold"]} if clipping else {}
    return torch_training.train(twin, mine["batches"], updater, scheduler, **limits)


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


@pytest.mark.parametrize("optimizer", ["clipped by norm", "clipped by value"])
def test_the_clipping_of_these_trainings_is_at_work(optimizer: str) -> None:
    factors = [
        snapshot.clip_factor
        for snapshot in islice(engine.train(config_of("gru", optimizer, "adding")), STEPS)
    ]
    assert min(factor for factor in factors if factor is not None) < 0.9
