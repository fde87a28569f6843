"""Models: from an uploaded file to weights in the engine's names and a description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from app.uploads.errors import UploadError, at
from app.uploads.keras_weights import is_keras, recognise_keras
from app.uploads.pytorch_weights import is_pytorch, recognise_pytorch
from app.uploads.recognised import DOUBLE, SINGLE, Make, Recognised, Wanted
from app.uploads.safetensor_files import write_tensors
from app.uploads.sniffing import read_tensors
from app.uploads.tensors import Pieces, Tensor, Tensors


def recognise(tensors: Tensors, wanted: Wanted) -> Recognised:
    """Return the recurrent network whose weights these are.

    Raises:
        UploadError: It is none that is known, or its shapes do not fit together.
    """
    if is_pytorch(tensors):
        found = recognise_pytorch(tensors, wanted)
    elif is_keras(tensors):
        found = recognise_keras(tensors, wanted)
    else:
        told = ", ".join(sorted(tensors)[:8])
        raise UploadError(
            "expected PyTorch's names (weight_ih_l0, weight_hh_l0, …) or Keras' (kernel, "
            f"recurrent_kernel, bias), got {told}"
        )
    if wanted.cell not in (None, found.cell):
        detail = f"expected the weights of {wanted.cell!r}, these are those of {found.cell!r}"
        raise UploadError([at("cell", detail)])
    return found


def read_model(
    path: Path, target: BinaryIO, wanted: Wanted, most_bytes: int
) -> tuple[str, dict[str, Any]]:
    """Write a model's weights; return its cell and its description.

    Args:
        path: The uploaded file.
        target: What is written to.
        wanted: What the user says of it.
        most_bytes: What an archive may unpack to.

    Raises:
        UploadError: The file is no model.
    """
    tensors = read_tensors(path, most_bytes)
    found = recognise(tensors, wanted)
    description = found.described(wanted.activation)
    for tensor in tensors.values():
        tensor.require_finite()
    dtype = DOUBLE if any(each.dtype == DOUBLE for each in tensors.values()) else SINGLE
    write_tensors(
        target,
        {
            name: Tensor(name, dtype, shape, _pieces(make, dtype))
            for name, (shape, make) in found.weights.items()
        },
    )
    return found.cell, {**description, "precision": "float64" if dtype == DOUBLE else "float32"}


def _pieces(make: Make, dtype: "np.dtype[Any]") -> Pieces:
    def pieces() -> Iterator[bytes]:
        values: NDArray[Any] = np.ascontiguousarray(make(), dtype)
        yield values.tobytes()

    return pieces
