"""Text files: characters as one vector of code points, read and written in pieces."""

import codecs
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from app.uploads.errors import UploadError
from app.uploads.safetensor_files import header_of
from app.uploads.tensors import PIECE
from engine import bounds

CHARACTERS: Final = "characters"
CODE_POINT: Final = np.dtype("<u4")
ROOM_FOR_HEADER: Final = 256
LONGEST_TEXT: Final = 50_000_000
PREVIEW: Final = 300


def copy_text(source: Path, target: BinaryIO) -> dict[str, Any]:
    """Write a UTF-8 file as one tensor `characters`; return what there is to tell of it.

    Raises:
        UploadError: It is no text, or has too many different characters.
    """
    target.write(b" " * ROOM_FOR_HEADER)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    known: set[str] = set()
    length, read, preview = 0, 0, ""
    with source.open("rb") as file:
        while True:
            piece = file.read(PIECE)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as err:
                place = read + err.start
                raise UploadError(f"expected UTF-8 text, but byte {place} is none") from err
            read += len(piece)
            if "\0" in text:
                raise UploadError(f"holds a NUL after character {length}: this is no text")
            known.update(text)
            length += len(text)
            _require(length, known)
            preview = (preview + text)[:PREVIEW]
            target.write(text.encode("utf-32-le"))
            if not piece:
                break
    if length < 2:
        raise UploadError(f"expected a text of at least two characters, got {length}")
    target.seek(0)
    target.write(header_of([(CHARACTERS, CODE_POINT, (length,))], padded_to=ROOM_FOR_HEADER))
    return {"length": length, "characters": len(known), "preview": preview}


def _require(length: int, known: set[str]) -> None:
    if length > LONGEST_TEXT:
        raise UploadError(f"expected at most {LONGEST_TEXT} characters, there are more")
    if len(known) > bounds.MOST_CHARACTERS:
        raise UploadError(f"the text has more than {bounds.MOST_CHARACTERS} different characters")
