"""Everything that is recorded of a run, as one file, written while it is read.

No export is ever whole in memory: arrays are read a block of steps at a time. What is recorded
while an export is under way is not in it.
"""

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app import arrow, tensorboard
from app.definedness import undefined
from app.export_page import html_page
from app.store import ArrayInfo, Run, Slice, Span, Store
from app.wire import axis_array, csv_header, csv_values, finite

BLOCK_ELEMENTS: Final = 250_000
Block = tuple[Slice, NDArray[np.bool_] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """A way to write a run: its file's ending, its type, and the writer."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Store, Run], Iterator[bytes]]


def npz(store: Store, run: Run) -> Iterator[bytes]:
    """Yield a .npz: each statistic by its name, `<name>.<axis>` its coordinates, run.json.

    `numpy.load(file, allow_pickle=False)` reads all of it.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("run.json", json.dumps(finite(about(run)), indent=1))
        for info in recorded(store, run):
            for axis in info.axes:
                archive.writestr(f"{info.name}.{axis}.npy", _npy(axis_array(info.coords[axis])))
            with archive.open(f"{info.name}.npy", "w", force_zip64=True) as file:
                file.write(_npy_header(info))
                for part, _ in blocks(store, run, info):
                    file.write(np.ascontiguousarray(part.values).tobytes())
                    yield sink.taken()
    yield sink.taken()


def csv(store: Store, run: Run) -> Iterator[bytes]:
    """Yield one long table: `statistic`, a column for every axis that any of them has, `value`."""
    found = recorded(store, run)
    axes = all_axes(found)
    yield csv_header(["statistic", *axes, "value"])
    for info in found:
        for part, missing in blocks(store, run, info):
            yield from csv_values(part, missing, columns=tuple(axes), prefix=(info.name,))


def arrow_table(store: Store, run: Run) -> Iterator[bytes]:
    """Return the same table as an Arrow stream.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    found = recorded(store, run)
    every = (block for info in found for block in blocks(store, run, info))
    return arrow.stream_of_many(all_axes(found), every)


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "npz": Export(name="npz", suffix="npz", media_type="application/x-npz", write=npz),
        "html": Export(name="html", suffix="html", media_type="text/html", write=html_page),
        "csv": Export(name="csv", suffix="csv", media_type="text/csv", write=csv),
        "arrow": Export(
            name="arrow", suffix="arrows", media_type=arrow.MEDIA_TYPE, write=arrow_table
        ),
        "tensorboard": Export(
            name="tensorboard",
            suffix=tensorboard.SUFFIX,
            media_type=tensorboard.MEDIA_TYPE,
            write=tensorboard.events,
        ),
    }
)


def about(run: Run) -> dict[str, Any]:
    """Return what a file says of the run it holds."""
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "config": run.config,
        "facts": run.facts,
        "tags": list(run.tags),
        "notes": run.notes,
        "step": run.step,
        "final_loss": run.final_loss,
        "verdict": run.verdict,
        "versions": run.versions,
        "error": run.error,
    }


def recorded(store: Store, run: Run) -> list[ArrayInfo]:
    """Return what is recorded of a run at this moment."""
    return [info for info in store.arrays.describe(run.id) if len(info.coords["step"])]


def blocks(store: Store, run: Run, info: ArrayInfo) -> Iterator[Block]:
    """Yield an array a block of steps at a time, with where it is not defined."""
    steps = info.coords["step"]
    rows = max(1, BLOCK_ELEMENTS // max(1, math.prod(info.shape[1:])))
    for first in range(0, len(steps), rows):
        chosen = steps[first : first + rows]
        part = store.arrays.read(
            run.id, info.name, {"step": Span(start=chosen[0], stop=chosen[-1])}
        )
        yield part, undefined(part, run)


def all_axes(infos: Sequence[ArrayInfo]) -> dict[str, Sequence[Any]]:
    """Return every axis that one of the arrays has, with the coordinates of the first that does."""
    axes: dict[str, Sequence[Any]] = {}
    for info in infos:
        for axis in info.axes:
            axes.setdefault(axis, info.coords[axis])
    return axes


def _npy(values: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    return out.getvalue()


def _npy_header(info: ArrayInfo) -> bytes:
    out = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(info.dtype).newbyteorder("<"))
    header = {"descr": descr, "fortran_order": False, "shape": tuple(info.shape)}
    np.lib.format.write_array_header_2_0(out, header)
    return out.getvalue()


class _Sink(io.RawIOBase):
    """Where a zip file is written that nobody seeks in; what is there can be taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  # any buffer
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        content = b"".join(self._parts)
        self._parts.clear()
        return content
