"""Data sets: from an uploaded file to tensors on disk and a description."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, get_args

import numpy as np

import engine
from app.uploads.errors import UploadError, at
from app.uploads.safetensor_files import write_tensors
from app.uploads.sniffing import form_of, read_tensors
from app.uploads.tables import copy_table
from app.uploads.tensors import Tensor, Tensors
from app.uploads.texts import copy_text

Kind = Literal["series", "text", "arrays"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ARRAYS: Final = ("inputs", "targets", "mask")
PREVIEW_STEPS: Final = 6
PREVIEW_INPUTS: Final = 8
SINGLE: Final = np.dtype("<f4")


def kind_of(path: Path, wanted: str | None, hints: Sequence[str]) -> Kind:
    """Return what a file is read as.

    Args:
        path: The file.
        wanted: What the user says it is, if anything.
        hints: Its name and its content type, which tell a table from a text.

    Raises:
        UploadError: It is nothing that is read, or not what the user says.
    """
    if wanted is not None and wanted not in KINDS:
        raise UploadError([at("kind", f"unknown kind {wanted[:40]!r}; known: {', '.join(KINDS)}")])
    form = form_of(path)
    if form != "text":
        if wanted not in (None, "arrays"):
            raise UploadError(f"this is {form}, which holds arrays: expected CSV or text")
        return "arrays"
    for kind in ("series", "text"):
        if wanted == kind:
            return kind
    if wanted == "arrays":
        raise UploadError("expected safetensors or npz for arrays, got neither")
    told = " ".join(hints).lower()
    return "series" if "csv" in told or ".tsv" in told else "text"


def read_dataset(
    path: Path, target: BinaryIO, kind: Kind, *, columns: Sequence[str] = (), most_bytes: int
) -> dict[str, Any]:
    """Write a data set's tensors; return its description.

    Args:
        path: The uploaded file.
        target: What is written to.
        kind: What it is read as.
        columns: Of a table: keep these alone.
        most_bytes: What an archive may unpack to.

    Raises:
        UploadError: The file is no such data set.
    """
    if columns and kind != "series":
        raise UploadError([at("columns", "only a table has columns to choose")])
    if kind == "text":
        return copy_text(path, target)
    if kind == "series":
        return copy_table(path, target, columns).described()
    return _copy_arrays(read_tensors(path, most_bytes), target)


def _copy_arrays(tensors: Tensors, target: BinaryIO) -> dict[str, Any]:
    _check(tensors)
    for tensor in tensors.values():
        tensor.require_finite()
    ordered = {name: _narrowed(tensors[name]) for name in ARRAYS if name in tensors}
    write_tensors(target, ordered)
    return {"preview": _preview(tensors["inputs"])}


def _check(tensors: Tensors) -> None:
    with refused():
        engine.require_shapes(tensors)


@contextmanager
def refused() -> Iterator[None]:
    """Say of a file what the engine says of its arrays."""
    try:
        yield
    except engine.ConfigError as err:
        raise UploadError([engine.Problem("", p.detail) for p in err.problems]) from err


def _narrowed(tensor: Tensor) -> Tensor:
    """Return half-precision numbers as float32, which is what is computed with."""
    if tensor.dtype != np.dtype("<f2"):
        return tensor
    return Tensor(
        tensor.name,
        SINGLE,
        tensor.shape,
        lambda: (part.astype(SINGLE).tobytes() for part in tensor.values()),
    )


def _preview(inputs: Tensor) -> list[list[float]]:
    """Return the first steps of the first sequence, as far as they are wide."""
    _, T, D = inputs.shape
    wanted = min(T, PREVIEW_STEPS) * D
    found = np.zeros(0)
    for part in inputs.values():
        found = np.concatenate([found, part[: wanted - found.size]])
        if found.size >= wanted:
            break
    return [[float(x) for x in row[:PREVIEW_INPUTS]] for row in found.reshape(-1, D)]
