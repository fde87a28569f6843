"""What a run stores loads into PyTorch's modules, strictly, and gives the same outputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from app.runs.tensors import model_tensors
from app.settings import Settings
from app.store import Store, open_store
from tests.reference.problems import relative_difference

pytest.importorskip("torch")

from tests.reference import torch_checkpoint

pytestmark = pytest.mark.torch

HIDDEN = 6
STEPS = 3

MODELS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # The run's model, and what PyTorch's module is made with.
    "tanh": ({"cell": "elman", "activation": "tanh"}, {"nonlinearity": "tanh"}),
    "relu": ({"cell": "elman", "activation": "relu"}, {"nonlinearity": "relu"}),
    "two layers of lstm": ({"cell": "lstm", "layers": 2}, {"num_layers": 2}),
    "gru": ({"cell": "gru"}, {}),
    "two layers of gru": ({"cell": "gru", "layers": 2}, {"num_layers": 2}),
    "two directions of lstm": (
        {"cell": "lstm", "layers": 2, "bidirectional": True},
        {"num_layers": 2, "bidirectional": True},
    ),
    "two directions of gru": ({"cell": "gru", "bidirectional": True}, {"bidirectional": True}),
    "lstm without biases": ({"cell": "lstm", "bias": False}, {"bias": False}),
}

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
"""Two orders of summation, fifteen steps deep."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(Settings(data=tmp_path))
    yield opened
    opened.close()


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("model", MODELS)
def test_a_checkpoint_loads_strictly_and_gives_the_outputs_of_the_run(
    model: str, precision: str, store: Store
) -> None:
    ours, theirs = MODELS[model]
    config = engine.RunConfig.from_dict(
        {
            "name": model,
            "task": {"kind": "temporal_order", "length": 15},
            "model": {**ours, "hidden_size": HIDDEN},
            "training": {"steps": STEPS, "batch_size": 4, "precision": precision},
            "recording": {"probe_size": 5},
        }
    )
    *_, last = engine.train(config)
    run, _ = store.runs.create(config.to_dict(), engine.describe_task(config))
    claim = store.attempts.claim(run.id, "worker")
    assert claim is not None
    store.checkpoints.write_model(claim, STEPS, model_tensors(last))
    parts = [
        store.checkpoints.read(run.id, STEPS, [part]) for part in ("recurrent", "readout", "probe")
    ]
    outputs, inputs = torch_checkpoint.outputs(
        *parts, cell=str(ours["cell"]), options={"hidden_size": HIDDEN, **theirs}
    )
    assert np.array_equal(inputs, last.probe.inputs)
    traced = engine.trace(
        str(ours["cell"]),
        last.parameters(),
        last.probe.inputs,
        targets=last.probe.targets,
        mask=last.probe.mask,
        options={"activation": ours["activation"]} if "activation" in ours else None,
    )
    assert relative_difference(outputs, traced.outputs) <= TOLERANCE[precision]
