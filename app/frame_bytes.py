"""A training step taken elsewhere as the bytes that travel: safetensors, and nothing that runs.

    weights.weight_ih_l0 …      as they were at the forward call, PyTorch's names
    inputs                      [T, B, D]
    lengths                     [B], where sequences end earlier
    initial.h, initial.c        [S, B, H], where they are not zero
    gradients.output            [T, B, H]
    gradients.h_n, .c_n         [S, B, H]
    losses                      [n], of the steps up to this one

The header's metadata say `step`, `reduction` and `batch_size`. Floats may have 16, 32 or 64 bits.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from app.client.answers import FRAME_TYPE as MEDIA_TYPE
from engine import ConfigError, Problem, Taken, bounds

__all__ = ["MEDIA_TYPE", "pack", "unpack"]

REDUCTIONS: Final = ("mean", "sum")
_FLOATS: Final = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
_WHOLE: Final = {"I32": "<i4", "I64": "<i8"}
_HEADER_LENGTH: Final = 8

Tensors = dict[str, NDArray[Any]]


def pack(taken: Taken) -> bytes:
    """Return the bytes of a training step."""
    tensors: Tensors = {f"weights.{name}": value for name, value in taken.weights.items()}
    tensors["inputs"] = taken.inputs
    tensors |= {f"initial.{name}": value for name, value in taken.initial.items()}
    tensors |= {f"gradients.{name}_n": value for name, value in taken.final_gradients.items()}
    if taken.lengths is not None:
        tensors["lengths"] = np.asarray(taken.lengths, np.int64)
    if taken.output_gradients is not None:
        tensors["gradients.output"] = taken.output_gradients
    if len(taken.losses):
        tensors["losses"] = np.asarray(taken.losses, np.float64)
    told = {"step": taken.step, "reduction": taken.reduction}
    if taken.batch_size is not None:
        told["batch_size"] = taken.batch_size
    dense = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    return safetensors.numpy.save(dense, {key: str(value) for key, value in told.items()})


def unpack(body: bytes) -> Taken:
    """Return the training step that bytes hold.

    Raises:
        ConfigError: They are no safetensors, or something in them is missing or unknown.
    """
    try:
        # This checks that the header fits and that the tensors fill the rest without a gap.
        found = dict(safetensors.deserialize(body))  # type: ignore[no-untyped-call]  # has no types
    except safetensors.SafetensorError as err:
        raise _fault("", f"expected safetensors, but {err}") from err
    told = _metadata(body)
    tensors = {name: _array(name, parts) for name, parts in found.items()}
    inputs = tensors.pop("inputs", None)
    if inputs is None:
        raise _fault("/inputs", "missing; expected a tensor (T, B, D)")
    lengths = tensors.pop("lengths", None)
    groups = {group: _group(tensors, group) for group in ("weights", "initial", "gradients")}
    gradients = groups["gradients"]
    output, losses = gradients.pop("output", None), tensors.pop("losses", None)
    if tensors:
        known = "weights.…, inputs, lengths, initial.…, gradients.…, losses"
        raise _fault(f"/{next(iter(tensors))}", f"unknown tensor; known: {known}")
    reduction = told.get("reduction", "mean")
    if reduction not in REDUCTIONS:
        raise _fault("/reduction", f"expected mean or sum, got {reduction!r}")
    return Taken(
        step=_whole(told, "step", 0, bounds.MOST_STEPS),
        weights=groups["weights"],
        inputs=inputs,
        lengths=lengths,
        initial=groups["initial"],
        output_gradients=output,
        final_gradients={name.removesuffix("_n"): value for name, value in gradients.items()},
        reduction="mean" if reduction == "mean" else "sum",
        batch_size=_whole(told, "batch_size", 1, 2**31) if "batch_size" in told else None,
        losses=np.zeros(0) if losses is None else np.asarray(losses, np.float64),
    )


def _metadata(body: bytes) -> Mapping[str, str]:
    """Return what the header says beside the tensors; its form has been checked before."""
    length = int.from_bytes(body[:_HEADER_LENGTH], "little")
    header = json.loads(body[_HEADER_LENGTH : _HEADER_LENGTH + length])
    told: Mapping[str, str] = header.get("__metadata__", {})
    unknown = [key for key in told if key not in ("step", "reduction", "batch_size", "format")]
    if unknown:
        raise _fault(f"/{unknown[0]}", "unknown key; known: step, reduction, batch_size")
    return told


def _whole(told: Mapping[str, str], key: str, least: int, most: int) -> int:
    text = told.get(key, "")
    # Bounded before it is read: a number of a million digits takes Python minutes.
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
        value = int(text)
        if value >= least:
            return value
    raise _fault(f"/{key}", f"expected a whole number from {least} to {most}, got {text[:40]!r}")


def _array(name: str, parts: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape, data = parts["dtype"], parts["shape"], parts["data"]
    if dtype == "BF16":  # the upper half of a float32
        upper = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return upper.view(np.float32).reshape(shape)
    known = _WHOLE if name == "lengths" else _FLOATS
    if dtype not in known:
        choices = ", ".join(known)
        raise _fault(f"/{name}", f"expected one of the types {choices}, got {dtype}")
    return np.frombuffer(data, known[dtype]).reshape(shape)


def _group(tensors: Tensors, group: str) -> Tensors:
    """Take the tensors of a group out, by the rest of their names."""
    names = [name for name in tensors if name.startswith(f"{group}.")]
    return {name.removeprefix(f"{group}."): tensors.pop(name) for name in names}


def _fault(pointer: str, detail: str) -> ConfigError:
    return ConfigError([Problem(pointer, detail)])
