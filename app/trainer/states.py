"""A training's state as tensors by name and JSON around them: all that safetensors keeps."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]


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
