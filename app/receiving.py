"""Uploaded files on their way in: written to disk as they come, a piece in memory at a time."""

import errno
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM: Final = "multipart/form-data"
FILE_FIELD: Final = "file"
MOST_PARTS: Final = 300
LONGEST_VALUE: Final = 10_000
UPLOAD_PATH: Final = re.compile(r"(/api/v1)?/(datasets|models)")
"""Where a body may be as large as an upload."""


@dataclass(slots=True)
class Received:
    """A file that has come, and what came with it.

    Attributes:
        path: The file; it is gone when the request is over.
        fields: What a form or a query says, each name with its values.
        hints: The file's own name and its content type.
    """

    path: Path
    fields: dict[str, list[str]] = field(default_factory=dict)
    hints: tuple[str, ...] = ()

    def text(self, name: str) -> str | None:
        """Return the last value of a field; None where it is empty or missing."""
        return next((value for value in reversed(self.fields.get(name, [])) if value), None)

    def texts(self, name: str) -> list[str]:
        """Return all values of a field; one value may hold several, by commas."""
        given = self.fields.get(name, [])
        return [word.strip() for value in given for word in value.split(",") if word.strip()]


@asynccontextmanager
async def receiving(request: Request, place: Path) -> AsyncIterator[Received]:
    """Write a request's file to a place; remove it when the block is left.

    The file is the body itself, with what is to say of it in the query, or the part `file` of a
    form, with the other parts beside it.

    Raises:
        HTTPException: The form is none, or the disk is full.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "expected a body without Content-Encoding")
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    try:
        with place.open("xb") as file:
            if media_type == FORM:
                received = await _from_form(request, content_type, file, place)
                received.fields = {**query, **received.fields}
            else:
                async for piece in request.stream():
                    file.write(piece)
                received = Received(place, query, (query.get("name", [""])[-1], media_type))
        yield received
    except OSError as err:
        if err.errno != errno.ENOSPC:
            raise
        headers = {"Retry-After": "60"}
        raise HTTPException(503, "There is no room left for uploads.", headers) from err
    finally:
        place.unlink(missing_ok=True)


async def _from_form(request: Request, content_type: str, file: BinaryIO, place: Path) -> Received:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise HTTPException(400, "The form names no boundary between its parts.")
    form = _Form(file)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        async for piece in request.stream():
            parser.write(piece)
        parser.finalize()
    except (MultipartParseError, UnicodeDecodeError) as err:
        raise HTTPException(400, "The form cannot be read.") from err
    if not form.has_file:
        raise HTTPException(422, f"expected a file in the form's field {FILE_FIELD!r}, got none")
    return Received(place, form.fields, form.hints)


class _Form:
    """Takes the parts of a form as they come: the file's to disk, short ones to memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.fields: dict[str, list[str]] = {}
        self.hints: tuple[str, ...] = ()
        self.has_file = False
        self._headers: dict[str, str] = {}
        self._name, self._value = b"", b""
        self._field: str | None = None
        self._text = b""
        self._parts = 0

    def callbacks(self) -> "MultipartCallbacks":
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._start,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._name, self._value, self._text = {}, b"", b"", b""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise HTTPException(413, f"The form has more than {MOST_PARTS} parts.")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode()
        self._name, self._value = b"", b""

    def _start(self) -> None:
        disposition = Message()
        disposition["content-disposition"] = self._headers.get("content-disposition", "")
        name = disposition.get_param("name", header="content-disposition")
        self._field = name if isinstance(name, str) else ""
        if self._field == FILE_FIELD:
            if self.has_file:
                raise HTTPException(422, f"expected one file in {FILE_FIELD!r}, got several")
            told = disposition.get_filename("")
            # A browser may send a whole path; only its last part is a name.
            short = told.replace("\\", "/").rpartition("/")[2]
            self.hints = (short, self._headers.get("content-type", ""))
            self.has_file = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field == FILE_FIELD:
            self.file.write(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > LONGEST_VALUE:
            raise HTTPException(413, f"A field of the form is longer than {LONGEST_VALUE} bytes.")

    def _end(self) -> None:
        if self._field and self._field != FILE_FIELD:
            self.fields.setdefault(self._field, []).append(self._text.decode())
