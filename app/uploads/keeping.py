"""From a received file to a row and tensors in the store, or to nothing at all."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final

import engine
from app.store import Resource, Store, Upload
from app.uploads.datasets import kind_of, read_dataset, refused
from app.uploads.errors import UploadError, at
from app.uploads.models import read_model
from app.uploads.recognised import Wanted

LONGEST_NAME: Final = 200
UNNAMED: Final = "unnamed"


def keep_dataset(
    store: Store,
    path: Path,
    *,
    name: str | None = None,
    kind: str | None = None,
    columns: Sequence[str] = (),
    hints: Sequence[str] = (),
    most_bytes: int,
) -> Upload:
    """Check a file as a data set and keep it.

    Args:
        store: Where it is kept.
        path: The file; it is left as it is.
        name: What it is called; the file's name where left out.
        kind: "series", "text" or "arrays"; told by the file where left out.
        columns: Of a table: keep these alone.
        hints: The file's name and content type, which tell a table from a text.
        most_bytes: What an archive may unpack to.

    Raises:
        UploadError: It is no data set; nothing is kept.
    """
    chosen = kind_of(path, kind, hints)

    def write(file: BinaryIO) -> dict[str, Any]:
        return read_dataset(path, file, chosen, columns=columns, most_bytes=most_bytes)

    def complete(description: dict[str, Any], stored: Path) -> dict[str, Any]:
        if chosen != "arrays":
            return description
        with refused():
            return {**engine.describe_arrays(store.uploads.mapped(stored)), **description}

    return keep(store, "dataset", chosen, name_of(name, hints), write, complete)


def keep_model(
    store: Store,
    path: Path,
    *,
    wanted: Wanted,
    name: str | None = None,
    hints: Sequence[str] = (),
    most_bytes: int,
) -> Upload:
    """Check a file as the weights of a recurrent network and keep them; as `keep_dataset`.

    Raises:
        UploadError: It is no such model; nothing is kept.
    """
    with ExitStack() as cleanup:
        place = store.uploads.new_place()
        cleanup.callback(place.unlink, missing_ok=True)
        told = name_of(name, hints)
        with place.open("xb") as file:
            cell, description = read_model(path, file, wanted, most_bytes)
        return store.uploads.add("model", cell, told, description, place)


def keep(
    store: Store,
    resource: Resource,
    kind: str,
    name: str,
    write: Callable[[BinaryIO], dict[str, Any]],
    complete: Callable[[dict[str, Any], Path], dict[str, Any]],
) -> Upload:
    """Write tensors beside the others, then the row that makes them known; or nothing."""
    with ExitStack() as cleanup:
        place = store.uploads.new_place()
        cleanup.callback(place.unlink, missing_ok=True)
        with place.open("xb") as file:
            description = write(file)
        return store.uploads.add(resource, kind, name, complete(description, place), place)


def name_of(name: str | None, hints: Sequence[str]) -> str:
    """Return what an upload is called.

    Raises:
        UploadError: A name that is no printable text of a bounded length.
    """
    told = name or next(iter(hints), "")
    told = told.strip() or UNNAMED
    if not told.isprintable() or len(told) > LONGEST_NAME:
        detail = f"expected a printable text of at most {LONGEST_NAME} characters"
        raise UploadError([at("name", detail)])
    return told
