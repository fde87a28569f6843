"""Training steps of loops elsewhere, as a hook would have taken them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import engine
from engine.arrays import Array

LENGTH, SIZE, INPUTS, HIDDEN, LAYERS = 7, 4, 3, 5, 2
GATES = {"elman": 1, "lstm": 4, "gru": 3}
STATES = {"elman": ("h",), "lstm": ("h", "c"), "gru": ("h",)}


def config_for(cell: str = "lstm", **changes: Mapping[str, Any]) -> engine.CaptureConfig:
    sections: dict[str, Any] = {
        "task": {"kind": "captured", "length": LENGTH, "inputs": INPUTS},
        "model": {"cell": cell, "hidden_size": HIDDEN, "layers": LAYERS},
        "training": {"steps": 0, "precision": "float64"},
        "recording": {"every": 1},
    }
    for name, section in changes.items():
        sections[name] = {**sections[name], **section}
    return engine.CaptureConfig.from_dict(sections)


def weights_for(rng: np.random.Generator, cell: str = "lstm") -> dict[str, Array]:
    rows = GATES[cell] * HIDDEN
    return {
        name: rng.normal(0, 0.5, shape)
        for layer in range(LAYERS)
        for name, shape in (
            (f"weight_ih_l{layer}", (rows, HIDDEN if layer else INPUTS)),
            (f"weight_hh_l{layer}", (rows, HIDDEN)),
            (f"bias_ih_l{layer}", (rows,)),
            (f"bias_hh_l{layer}", (rows,)),
        )
    }


def take(rng: np.random.Generator, cell: str = "lstm", **changes: Any) -> engine.Taken:  # noqa: ANN401
    """Return a step whose loss has a say at every output and at every final state."""
    states = (LAYERS, SIZE, HIDDEN)
    given: Mapping[str, Any] = {
        "step": 3,
        "weights": weights_for(rng, cell),
        "inputs": rng.normal(size=(LENGTH, SIZE, INPUTS)),
        "initial": {name: rng.normal(size=states) for name in STATES[cell]},
        "output_gradients": rng.normal(size=(LENGTH, SIZE, HIDDEN)),
        "final_gradients": {name: rng.normal(size=states) for name in STATES[cell]},
    }
    return engine.Taken(**{**given, **changes})
