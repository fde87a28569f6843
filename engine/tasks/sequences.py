"""Uploaded sequences: arrays held against each other, and what is asked of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import BoolArray
from engine.tasks.base import LONGEST, Data
from engine.tasks.uploaded import Shaped, one_of, refuse

MOST_CLASSES = 10_000


class Sequences(NamedTuple):
    """Uploaded sequences whose shapes fit together.

    Attributes:
        inputs: (N, T, D).
        targets: (N, T) class numbers, or (N, T, K) values; (N, 1, …) where only T is asked.
        mask: (N, T), or None where every sequence is asked alike.
        classes: How many, 0 where the targets are values.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    mask: BoolArray | None
    classes: int

    @property
    def at_end(self) -> bool:
        """Whether targets are asked at the last step alone."""
        return bool(self.targets.shape[1] != self.inputs.shape[1])


def require_shapes(data: Mapping[str, Shaped]) -> None:
    """Hold shapes and types of uploaded arrays against each other; their entries are not read.

    Raises:
        ConfigError: Arrays are missing, or their shapes or types do not fit together.
    """
    unknown = sorted(set(data) - {"inputs", "targets", "mask"})
    if unknown:
        detail = f"unknown array {unknown[0]!r}; known: inputs, targets, mask"
        raise refuse("/task/dataset", detail)
    inputs = one_of(data, "inputs", 3)
    if inputs.dtype.kind not in "fui" or 0 in inputs.shape:
        detail = f"inputs: expected numbers [N, T, D], got {inputs.dtype} of shape {inputs.shape}"
        raise refuse("/task/dataset", detail)
    N, T, _ = inputs.shape
    if T > LONGEST:
        raise refuse("/task/dataset", f"inputs: expected at most {LONGEST} steps, got {T}")
    if N < 2:
        raise refuse("/task/dataset", f"inputs: expected at least 2 sequences, got {N}")
    targets = data.get("targets")
    if targets is None:
        raise refuse("/task/dataset", "targets: expected among the arrays, got none")
    shape, known = targets.shape, targets.dtype.kind in "fui"
    axes = 3 if targets.dtype.kind == "f" else 2
    by_step = shape[:2] == (N, T) and len(shape) == axes
    if not known or not (by_step or shape == (N,)) or 0 in shape:
        detail = (
            f"targets: expected class numbers [{N}] or [{N}, {T}], or values [{N}] or "
            f"[{N}, {T}, K], got {targets.dtype} of shape {shape}"
        )
        raise refuse("/task/dataset", detail)
    mask = data.get("mask")
    if mask is not None and (mask.shape != (N, T) or mask.dtype.kind not in "buif"):
        detail = f"mask: expected [{N}, {T}] of 0 and 1, got {mask.dtype} of shape {mask.shape}"
        raise refuse("/task/dataset", detail)


def sequences_of(data: Data) -> Sequences:
    """Return the sequences of uploaded arrays.

    Raises:
        ConfigError: Arrays are missing, or do not fit together.
    """
    require_shapes(data)
    targets, classes = _targets(data["targets"])
    return Sequences(data["inputs"], targets, _mask(data.get("mask"), targets), classes)


def describe_arrays(data: Data) -> dict[str, object]:
    """Return what is known of uploaded sequences: N, T, D, what is asked, and at which steps.

    Raises:
        ConfigError: Arrays are missing, or do not fit together.
    """
    found = sequences_of(data)
    N, T, D = found.inputs.shape
    asked = asked_steps(found, T)[0].any(axis=0)
    return {
        "sequences": N,
        "steps": T,
        "inputs": D,
        "outputs": found.classes or found.targets.shape[2],
        "asks_for": "classes" if found.classes else "values",
        "asked": int(np.count_nonzero(asked)),
        "last_asked": int(np.flatnonzero(asked)[-1]) + 1,
    }


def _targets(found: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return targets with an axis of steps, and how many classes they name."""
    at_end = found.ndim == 1
    if found.dtype.kind == "f":
        return (found[:, None, None] if at_end else found), 0
    low, high = int(found.min()), int(found.max())
    if low < 0 or high >= MOST_CLASSES:
        detail = f"targets: expected class numbers from 0 to {MOST_CLASSES - 1}, got {low} … {high}"
        raise refuse("/task/dataset", detail)
    return (found[:, None] if at_end else found), high + 1


def _mask(mask: NDArray[Any] | None, targets: NDArray[Any]) -> BoolArray | None:
    if mask is None:
        return None
    asked: BoolArray = np.not_equal(mask, 0)
    if targets.shape[1] != mask.shape[1] and asked[:, :-1].any():
        detail = "mask: asks before the last step, where the targets have one for each sequence"
        raise refuse("/task/dataset", detail)
    silent = np.flatnonzero(~asked.any(axis=1))
    if silent.size:
        raise refuse("/task/dataset", f"mask: sequence {silent[0]} is asked at no step")
    return asked


def asked_steps(found: Sequences, T: int) -> tuple[BoolArray, NDArray[np.intp]]:
    """Return which of the last T steps are asked, (N, T) or (1, T), and who is asked at all."""
    N, whole = found.inputs.shape[:2]
    if found.mask is not None:
        asked = found.mask[:, whole - T :]
        return asked, np.flatnonzero(asked.any(axis=1))
    alike = np.ones((1, T), np.bool_)
    if found.at_end:
        alike[:, :-1] = False
    return alike, np.arange(N)
