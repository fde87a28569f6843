"""Arrays as Apache Arrow's IPC streams: long tables, a column for each axis and `value`.

pyarrow is an extra: nothing else imports it, and who asks without it is told its name.
"""

import importlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.store import Slice
from app.wire import axis_array

MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"


class MissingExtraError(Exception):
    """Something was asked for that an optional package does."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} needs the extra `{extra}`: pip install 'gradtide[{extra}]'")
        self.extra = extra


def stream(array: Slice, undefined: NDArray[np.bool_] | None = None) -> Iterator[bytes]:
    """Return one array as a stream; entries that are not defined are null.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _arrow()
    table = _table(arrow, array, undefined)
    about = {"name": array.name, "scale": array.scale, "shape": json.dumps(array.values.shape)}
    return _written(arrow, table.schema.with_metadata(about), table.to_batches())


def stream_of_many(
    axes: Mapping[str, Sequence[Any]], slices: Iterable[tuple[Slice, NDArray[np.bool_] | None]]
) -> Iterator[bytes]:
    """Return arrays of different axes as one table with a column `statistic` in front.

    Args:
        axes: Every axis that one of them has, with coordinates that show its type.
        slices: The arrays with what is not defined in them; an axis that one lacks is null there.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _arrow()
    types = {axis: arrow.array(axis_array(coords)).type for axis, coords in axes.items()}
    fields = [("statistic", arrow.string()), *types.items(), ("value", arrow.float64())]
    schema = arrow.schema(fields)

    def batches() -> Iterator[Any]:
        for array, undefined in slices:
            table = _table(arrow, array, undefined)
            columns = {"statistic": arrow.repeat(array.name, len(table))}
            columns |= {
                axis: table[axis] if axis in array.axes else arrow.nulls(len(table), types[axis])
                for axis in types
            }
            columns["value"] = table["value"]
            yield from arrow.table(columns).cast(schema).to_batches()

    return _written(arrow, schema, batches())


def _table(arrow: ModuleType, array: Slice, undefined: NDArray[np.bool_] | None) -> Any:  # noqa: ANN401
    shape = array.values.shape
    columns = {}
    for position, axis in enumerate(array.axes):
        where = np.arange(shape[position]).reshape([-1, *[1] * (len(shape) - position - 1)])
        coords = axis_array(array.coords[axis])
        columns[axis] = arrow.array(coords[np.broadcast_to(where, shape).reshape(-1)])
    mask = None if undefined is None else undefined.reshape(-1)
    columns["value"] = arrow.array(array.values.reshape(-1), mask=mask)
    return arrow.table(columns)


def _written(arrow: ModuleType, schema: Any, batches: Iterable[Any]) -> Iterator[bytes]:  # noqa: ANN401
    sink = io.BytesIO()
    # Coordinates repeat: written out, they would be nine tenths of the bytes.
    options = arrow.ipc.IpcWriteOptions(compression="lz4")
    with arrow.ipc.new_stream(sink, schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))
            yield _taken(sink)
    yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    content = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return content


def _arrow() -> ModuleType:
    try:
        importlib.import_module("pyarrow.ipc")
        return importlib.import_module("pyarrow")
    except ImportError as err:
        raise MissingExtraError("arrow", "the format arrow") from err
