"""Float32, the training's default, beside float64; and the same bits twice."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import pytest

import engine
from tests.reference.cells import CELLS

SINGLE = 1e-4
"""Float32 has 6e-8; thirty steps forward and back leave some hundred times that."""

MODELS: Mapping[str, dict[str, Any]] = {
    "sigmoid": {"cell": "elman", "activation": "sigmoid"},
    "tanh": {"cell": "elman", "activation": "tanh"},
    "preactivation": {"cell": "preactivation", "activation": "tanh", "layers": 2},
    "lstm": {"cell": "lstm", "layers": 2},
    "gru": {"cell": "gru", "layer_skips": True, "layers": 2},
    **{f"{name} by default": {"cell": name} for name in CELLS},
}

every_model = pytest.mark.parametrize("model", MODELS)


def config_of(model: str, precision: str, task: str = "adding") -> engine.RunConfig:
    return engine.RunConfig.from_dict(
        {
            "name": model,
            "seed": 11,
            "task": {"kind": task, "length": 30},
            "model": {"hidden_size": 8, **MODELS[model]},
            "training": {"steps": 6, "batch_size": 4, "precision": precision},
            "recording": {"batch": "training"},
        }
    )


def first(model: str, precision: str, task: str) -> engine.Snapshot:
    start = next(iter(engine.train(config_of(model, "float32", task)))).parameters()
    given = {name: values.astype(precision) for name, values in start.items()}
    return next(iter(engine.train(config_of(model, precision, task), initial=given)))


@every_model
@pytest.mark.parametrize("task", ["copy", "temporal_order"])
def test_single_precision_gives_the_gradient_norms_of_double(model: str, task: str) -> None:
    single, double = first(model, "float32", task), first(model, "float64", task)
    assert single.loss == pytest.approx(double.loss, rel=SINGLE)
    assert single.gradient_norm == pytest.approx(double.gradient_norm, rel=SINGLE)
    for name, norm in double.parameter_gradient_norms.items():
        assert single.parameter_gradient_norms[name] == pytest.approx(norm, rel=SINGLE), name


@every_model
@pytest.mark.parametrize("task", ["copy", "temporal_order"])
def test_single_precision_gives_the_log_norms_of_double(model: str, task: str) -> None:
    single, double = first(model, "float32", task), first(model, "float64", task)
    assert single.sweep is not None
    assert double.sweep is not None
    mine, exact = single.sweep.log10_hidden_norms, double.sweep.log10_hidden_norms
    assert np.array_equal(np.isneginf(mine), np.isneginf(exact))
    finite = np.isfinite(exact)
    assert np.abs(mine[finite] - exact[finite]).max() < SINGLE


@every_model
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_same_configuration_trains_to_the_same_bits_twice(model: str, precision: str) -> None:
    config = config_of(model, precision)
    ends = [_weights(list(islice(engine.train(config), 7))[-1]) for _ in range(2)]
    assert ends[0] == ends[1]


@every_model
def test_a_recorder_changes_no_bit_of_the_training(model: str) -> None:
    config = config_of(model, "float32")
    recorder = engine.Recorder(config)
    watched = b""
    for snapshot in engine.train(config):
        recorder.look(snapshot)
        watched = _weights(snapshot)
    alone = b""
    for snapshot in engine.train(config):
        alone = _weights(snapshot)
    assert watched == alone


def _weights(snapshot: engine.Snapshot) -> bytes:
    return b"".join(values.tobytes() for values in snapshot.parameters().values())
