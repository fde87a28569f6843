"""Runs beside each other: where their configurations differ, and arrays on common coordinates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from app.json_texts import escape
from app.store import ArrayInfo

Path = tuple[str, ...]
# What a run is called does not make it another training.
NAMING = frozenset({("name",), ("tags",)})


def differences(configs: Sequence[Mapping[str, Any]]) -> dict[Path, tuple[Any, ...]]:
    """Return the values at every path where not all configurations are alike, names left out.

    A configuration that has nothing at a path counts as one that has null there.
    """
    flat = [flattened(config) for config in configs]
    paths = sorted({path for one in flat for path in one} - NAMING)
    found = {path: tuple(one.get(path) for one in flat) for path in paths}
    return {path: each for path, each in found.items() if any(v != each[0] for v in each)}


def flattened(config: Mapping[str, Any], above: Path = ()) -> dict[Path, Any]:
    """Return a configuration as paths with their values."""
    out: dict[Path, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            out |= flattened(value, (*above, key))
        else:
            out[*above, key] = value
    return out


def pointer_of(path: Path) -> str:
    """Return a path as a JSON pointer."""
    return "".join(f"/{escape(part)}" for part in path)


def aligned(infos: Sequence[ArrayInfo]) -> ArrayInfo:
    """Return the part that recorded arrays of one statistic have in common, axis by axis."""
    first = infos[0]
    coords = {
        axis: [each for each in first.coords[axis] if all(each in o for o in others)]
        for axis in first.axes
        for others in [[_lookup(info.coords[axis]) for info in infos[1:]]]
    }
    shape = tuple(len(coords[axis]) for axis in first.axes)
    dtype = np.result_type(*(info.dtype for info in infos)).name
    return replace(first, coords=coords, shape=shape, dtype=dtype)


def _lookup(coords: Sequence[Any]) -> range | frozenset[Any]:
    return coords if isinstance(coords, range) else frozenset(coords)
