"""npz files: a zip archive of npy arrays, every size looked at before anything is unpacked."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from app.uploads.errors import UploadError, at
from app.uploads.tensors import PIECE, WHOLE_AT_MOST, Pieces, Tensor, Tensors, require_few

ZIP_START: Final = b"PK\x03\x04"
END_OF_DIRECTORY: Final = b"PK\x05\x06"
END_BYTES: Final = 22  # of the end of a directory, without the comment behind it
LONGEST_TAIL: Final = 65_535 + END_BYTES
LONGEST_DIRECTORY: Final = 1 << 20
LONGEST_HEADER: Final = 10_000
MAGIC: Final = b"\x93NUMPY"
IS_ENCRYPTED: Final = 1
PLAIN_KINDS: Final = "fiub"
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npz(path: Path, most_bytes: int) -> Tensors:
    """Return the arrays of an archive; of each only its header is unpacked.

    Raises:
        UploadError: It is damaged, holds more than `most_bytes`, or something else than numbers.
    """
    _require_small_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            require_few(len(members))
            total = sum(member.file_size for member in members)
            if total > most_bytes:
                detail = f"the archive unpacks to {total} bytes, at most {most_bytes} are taken"
                raise UploadError(detail)
            found = [_tensor(path, archive, member) for member in members]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as err:
        raise UploadError(f"the archive is damaged: {err}") from err
    tensors = {tensor.name: tensor for tensor in found}
    if len(tensors) != len(found):
        raise UploadError("the archive holds two arrays of one name")
    return tensors


def _require_small_directory(path: Path) -> None:
    """Hold the directory's size against the limit: a zip reader takes it into memory whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - LONGEST_TAIL))
        tail = file.read()
    end = tail.rfind(END_OF_DIRECTORY)
    if end < 0 or len(tail) < end + END_BYTES:
        raise UploadError("the archive has no directory: the file is cut off")
    directory = int.from_bytes(tail[end + 12 : end + 16], "little")
    if directory > LONGEST_DIRECTORY:
        raise UploadError(f"the archive's directory has {directory} bytes, too many for arrays")


def _tensor(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Tensor:
    name = member.filename.removesuffix(".npy")
    if not member.filename.endswith(".npy"):
        raise UploadError([at(member.filename, "expected .npy arrays alone")])
    if member.flag_bits & IS_ENCRYPTED or member.compress_type not in METHODS:
        raise UploadError([at(name, "encrypted, or packed otherwise than np.savez does")])
    with archive.open(member) as file:
        start, shape, order, dtype = _header(name, file)
    wanted = start + dtype.itemsize * int(np.prod(shape, dtype=object))
    if wanted != member.file_size:
        detail = f"{dtype} of shape {shape} takes {wanted} bytes, {member.file_size} are there"
        raise UploadError([at(name, detail)])

    def raw() -> Iterator[bytes]:
        # Every reader opens the archive for itself: a tensor outlives the first look at it.
        try:
            with zipfile.ZipFile(path) as again, again.open(member) as inside:
                inside.read(start)
                while piece := inside.read(PIECE):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as err:
            raise UploadError([at(name, f"damaged: {err}")]) from err

    return _as_plain(name, dtype, shape, raw, is_column_major=order)


def _as_plain(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...], raw: Pieces, *, is_column_major: bool
) -> Tensor:
    """Return the tensor in little-endian order, the last axis fastest."""
    plain = dtype.newbyteorder("<")
    if is_column_major and len(shape) > 1:
        if dtype.itemsize * int(np.prod(shape, dtype=object)) > WHOLE_AT_MOST:
            raise UploadError([at(name, "column by column; np.ascontiguousarray turns it")])

        def turned() -> Iterator[bytes]:
            flat = np.frombuffer(b"".join(raw()), dtype)
            yield flat.reshape(shape, order="F").astype(plain).tobytes()

        return Tensor(name, plain, shape, turned)
    if plain == dtype:
        return Tensor(name, plain, shape, raw)
    foreign = Tensor(name, dtype, shape, raw)
    return Tensor(name, plain, shape, lambda: (v.astype(plain).tobytes() for v in foreign.values()))


def _header(name: str, file: IO[bytes]) -> tuple[int, tuple[int, ...], bool, np.dtype[Any]]:
    """Return where an array's bytes begin, its shape, whether by columns, and its type."""
    start = file.read(len(MAGIC) + 2)
    if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + 2 or start[6] not in (1, 2, 3):
        raise UploadError([at(name, "no npy array")])
    width = 2 if start[6] == 1 else 4
    counted = file.read(width)
    length = int.from_bytes(counted, "little")
    if length > LONGEST_HEADER:
        raise UploadError([at(name, f"its header claims {length} bytes")])
    text = io.BytesIO(start + counted + file.read(length))
    try:
        version = np.lib.format.read_magic(text)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, order, dtype = read(text, max_header_size=LONGEST_HEADER)
    except (ValueError, SyntaxError, TypeError, RecursionError) as err:
        raise UploadError([at(name, "its npy header cannot be read")]) from err
    if dtype.hasobject:
        raise UploadError([at(name, "holds pickled objects, which are never read")])
    if dtype.kind not in PLAIN_KINDS or dtype.fields is not None or dtype.itemsize > 8:
        raise UploadError([at(name, f"expected real numbers, got {dtype}")])
    return len(start) + width + length, shape, order, dtype
