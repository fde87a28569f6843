"""A training's state and weights as tensors by name, which is all that safetensors keeps."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import Snapshot

Tensors = dict[str, NDArray[Any]]
# PyTorch's layers of these cells have a second bias; ours is the sum, so the second is zero.
CELLS_WITH_TWO_BIASES = ("elman", "lstm", "gru")


def pack_state(state: Mapping[str, Any]) -> tuple[Tensors, str]:
    """Take a state apart into its arrays and the JSON around them."""
    tensors: Tensors = {}

    def walk(value: object, path: str) -> object:
        if isinstance(value, np.ndarray):
            tensors[path] = value
            return {"array": path}
        if isinstance(value, Mapping):
            return {"mapping": {key: walk(each, f"{path}/{key}") for key, each in value.items()}}
        if isinstance(value, np.generic):
            return {"value": value.item()}
        return {"value": value}

    return tensors, json.dumps(walk(state, ""))


def unpack_state(tensors: Tensors, text: str) -> dict[str, Any]:
    """Put together what `pack_state` took apart."""

    def walk(node: Mapping[str, Any]) -> Any:  # noqa: ANN401
        if "array" in node:
            return tensors[node["array"]]
        if "mapping" in node:
            return {key: walk(each) for key, each in node["mapping"].items()}
        return node["value"]

    state: dict[str, Any] = walk(json.loads(text))
    return state


def model_tensors(snapshot: Snapshot) -> Tensors:
    """Return a snapshot's weights under PyTorch's names, and the probe batch beside them."""
    tensors: Tensors = dict(snapshot.network.parameters())
    if snapshot.config.model.cell in CELLS_WITH_TWO_BIASES:
        for name in [name for name in tensors if name.startswith("bias_ih_l")]:
            second = name.replace("bias_ih", "bias_hh")
            tensors.setdefault(second, np.zeros_like(tensors[name]))
    return tensors | probe_tensors(snapshot)


def probe_tensors(snapshot: Snapshot) -> Tensors:
    """Return a run's probe batch."""
    probe = snapshot.probe
    return {
        "probe.inputs": probe.inputs,
        "probe.targets": probe.targets,
        "probe.mask": probe.mask,
    }
