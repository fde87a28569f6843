"""safetensors files: a JSON header says where each tensor lies, and is held against the file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from app.json_texts import is_plain
from app.uploads.errors import UploadError, at
from app.uploads.tensors import PIECE, Tensor, Tensors, require_few

LONGEST_HEADER: Final = 1 << 20
LENGTH_BYTES: Final = 8
MOST_AXES: Final = 8
BFLOAT16: Final = "BF16"
DTYPES: Final = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
CODES: Final = {np.dtype(numpy): code for code, numpy in DTYPES.items()}


def looks_like_safetensors(start: bytes) -> bool:
    """Say whether a file begins as safetensors do: a length, then a JSON object."""
    return start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"


def read_safetensors(path: Path) -> Tensors:
    """Return the tensors of a file; nothing but its header is read.

    Raises:
        UploadError: The header and the file do not fit together.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if length > size - LENGTH_BYTES:
            detail = (
                f"the header claims {length} bytes, the file has {size}: it is cut off or wrong"
            )
            raise UploadError(detail)
        if length > LONGEST_HEADER:
            raise UploadError(f"the header has {length} bytes, at most {LONGEST_HEADER} are read")
        entries = _parsed(file.read(length))
    entries.pop("__metadata__", None)
    require_few(len(entries))
    start = LENGTH_BYTES + length
    spans = {name: _span(name, entry, size - start) for name, entry in entries.items()}
    _require_no_gaps(spans, size - start)
    return {
        name: _tensor(path, name, entries[name], start + first, start + stop)
        for name, (first, stop) in spans.items()
    }


def _parsed(header: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError) as err:
        raise UploadError("the header is no JSON: the file is damaged, or no safetensors") from err
    if not isinstance(entries, dict):
        raise UploadError("the header is no JSON object: the file is no safetensors")
    for name in entries:
        if not is_plain(name):
            raise UploadError(f"a tensor's name holds NUL or a lone surrogate: {name[:40]!a}")
    return entries


def _span(name: str, entry: object, room: int) -> tuple[int, int]:
    """Return where a tensor's bytes lie, once its size and its shape agree."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        raise UploadError([at(name, "its entry lacks dtype, shape or data_offsets")])
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in (*DTYPES, BFLOAT16):
        known = ", ".join([*DTYPES, BFLOAT16])
        raise UploadError([at(name, f"unknown number type {str(code)[:20]!r}; known: {known}")])
    if not _are_sizes(shape) or len(shape) > MOST_AXES or not _are_sizes(offsets):
        raise UploadError([at(name, "its shape or its place are no sizes")])
    width = 2 if code == BFLOAT16 else np.dtype(DTYPES[code]).itemsize
    wanted = width * int(np.prod(shape, dtype=object))
    first, stop = offsets if len(offsets) == 2 else (0, -1)
    if not 0 <= first <= stop <= room:
        detail = f"its bytes {offsets} lie beyond the file's {room}: it is cut off or wrong"
        raise UploadError([at(name, detail)])
    if stop - first != wanted:
        detail = f"{code} of shape {shape} takes {wanted} bytes, {stop - first} are there"
        raise UploadError([at(name, detail)])
    return first, stop


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 48
        for value in values
    )


def _require_no_gaps(spans: Mapping[str, tuple[int, int]], room: int) -> None:
    """Refuse tensors that overlap, and bytes that belong to none."""
    end = 0
    for first, stop in sorted(spans.values()):
        if first != end:
            raise UploadError("the tensors overlap, or leave bytes between them")
        end = stop
    if end != room:
        raise UploadError(f"the tensors end at byte {end} of {room}: the file is cut off or wrong")


def _tensor(path: Path, name: str, entry: Mapping[str, Any], first: int, stop: int) -> Tensor:
    is_wide = entry["dtype"] == BFLOAT16

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(first)
            left = stop - first
            while left:
                piece = file.read(min(PIECE, left))
                if not piece:
                    raise UploadError([at(name, "the file ends within it")])
                left -= len(piece)
                yield _widened(piece) if is_wide else piece

    dtype = np.dtype("<f4" if is_wide else DTYPES[entry["dtype"]])
    return Tensor(name, dtype, tuple(entry["shape"]), pieces)


def _widened(piece: bytes) -> bytes:
    """Return bfloat16 as float32: the same upper half."""
    return (np.frombuffer(piece, "<u2").astype("<u4") << 16).tobytes()


Layout = Sequence[tuple[str, np.dtype[Any], tuple[int, ...]]]
"""Name, type and shape of tensors, in the order of their bytes."""


def header_of(layout: Layout, *, padded_to: int = 0) -> bytes:
    """Return the beginning of a file of such tensors; their bytes begin at a multiple of 64.

    Args:
        layout: The tensors.
        padded_to: Bytes that it takes at least, where the shapes are not known before the bytes.
    """
    entries: dict[str, Any] = {}
    end = 0
    for name, dtype, shape in layout:
        size = dtype.itemsize * int(np.prod(shape, dtype=object))
        entries[name] = {"dtype": CODES[dtype], "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(entries).encode()
    wanted = max(LENGTH_BYTES + len(text), padded_to)
    text = text.ljust(wanted + -wanted % 64 - LENGTH_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def write_tensors(file: BinaryIO, tensors: Mapping[str, Tensor | NDArray[Any]]) -> None:
    """Write tensors in their order, in pieces."""
    file.write(header_of([(name, each.dtype, each.shape) for name, each in tensors.items()]))
    for each in tensors.values():
        if isinstance(each, Tensor):
            for piece in each.pieces():
                file.write(piece)
        else:
            file.write(np.ascontiguousarray(each).tobytes())
