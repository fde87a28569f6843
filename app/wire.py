"""Arrays and records to bytes: JSON with every number it lacks, npy, npz, csv, f4.

Runs explode here as a matter of course. JSON has no NaN and no infinity, so they travel as the
strings "NaN", "Infinity", "-Infinity"; `null` means not recorded or not defined, nothing else.
Binary formats carry the bits, and NaN for what is not defined.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from app.store import Slice, Written

_CSV_ROWS: Final = 4096
_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})


def to_json(value: object) -> bytes:
    """Return a record as JSON, its non-finite numbers as strings."""
    return orjson.dumps(finite(value), option=orjson.OPT_SERIALIZE_NUMPY)


def finite(value: Any) -> Any:  # noqa: ANN401  # a JSON value has no narrower type
    """Return a JSON-able value with the numbers that JSON lacks as strings."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is float:
        return value if math.isfinite(value) else number_name(value)
    if kind is dict:
        return {str(key): finite(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [finite(item) for item in value]
    return _finite_of_rarer(value)


def _finite_of_rarer(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Written):
        # NaN and Infinity stand there as Python writes them, if at all: most texts go out as is.
        odd = "NaN" in value or "Infinity" in value
        return finite(json.loads(value)) if odd else orjson.Fragment(value.encode())
    if isinstance(value, np.ndarray):
        return _nested(value, None)
    if isinstance(value, float | np.floating):  # NumPy's float64 is both
        return value if math.isfinite(value) else number_name(float(value))
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def number_name(value: float) -> str:
    """Return the wire's name of a number that JSON lacks."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def array_json(array: Slice, undefined: NDArray[np.bool_] | None = None) -> bytes:
    """Return an array with its axes as JSON; entries that are not defined are null."""
    return orjson.dumps(array_record(array, undefined), option=orjson.OPT_SERIALIZE_NUMPY)


def array_record(array: Slice, undefined: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """Return the same as a record that orjson writes."""
    values = np.ascontiguousarray(array.values)
    return {
        "name": array.name,
        "axes": list(array.axes),
        "coords": {axis: axis_json(array.coords[axis]) for axis in array.axes},
        "shape": list(values.shape),
        "dtype": values.dtype.name,
        "scale": array.scale,
        "data": _nested(values, undefined),
    }


def axis_array(coords: Sequence[Any]) -> NDArray[Any]:
    """Return coordinates as an array; a range is not walked."""
    if isinstance(coords, range):
        return np.arange(coords.start, coords.stop, coords.step)
    return np.asarray(coords)


def axis_json(coords: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return coordinates as orjson writes them."""
    array = axis_array(coords)
    return array.tolist() if array.dtype.kind == "U" else _nested(array, None)


def _nested(values: NDArray[Any], undefined: NDArray[np.bool_] | None) -> Any:  # noqa: ANN401
    """Return what orjson writes as nested lists: the array itself, or lists where it must differ.

    orjson writes a whole float32 array fast and in the shortest digits that read back to the same
    bits, but every NaN and infinity as null. So rows without any stay arrays, the others are named.
    """
    if values.dtype.kind != "f":
        return values if undefined is None else values.tolist()
    special = ~np.isfinite(values)
    if undefined is not None:
        special |= undefined
    return _rows(values, special, undefined)


def _rows(
    values: NDArray[Any], special: NDArray[np.bool_], undefined: NDArray[np.bool_] | None
) -> Any:  # noqa: ANN401
    if not special.any():
        return values
    if values.ndim == 0:
        missing = undefined is not None and bool(undefined)
        return None if missing else number_name(float(values))
    if values.ndim > 1:
        return [
            _rows(values[i], special[i], None if undefined is None else undefined[i])
            for i in range(len(values))
        ]
    row: list[Any] = list(values)
    for i in np.flatnonzero(special):
        missing = undefined is not None and undefined[i]
        row[i] = None if missing else number_name(float(values[i]))
    return row


def npy(array: Slice) -> bytes:
    """Return the bare array as a .npy file."""
    values, head = _little_endian(array.values), io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(values))
    return b"".join((head.getvalue(), values.data))  # `np.save` copies the values four times


def npz(array: Slice) -> bytes:
    """Return the array as `data` and each axis's coordinates by its name, as an .npz file."""
    out = io.BytesIO()
    coords = {axis: axis_array(array.coords[axis]) for axis in array.axes}
    np.savez(
        out,
        allow_pickle=False,
        data=_little_endian(array.values),
        axes=np.asarray(list(array.axes), dtype=np.str_),
        **coords,
    )
    return out.getvalue()


def f4(array: Slice) -> bytes:
    """Return raw little-endian float32 in C order; float64 series are rounded to it."""
    with np.errstate(over="ignore"):  # a float64 beyond float32 is infinite there
        return np.ascontiguousarray(array.values, dtype="<f4").tobytes()


def csv_rows(array: Slice, undefined: NDArray[np.bool_] | None = None) -> Iterator[bytes]:
    """Yield the array as long CSV, a column for each axis and `value`, by blocks of rows."""
    yield csv_header([*array.axes, "value"])
    yield from csv_values(array, undefined, columns=array.axes)


def csv_header(columns: Sequence[str]) -> bytes:
    """Return the first line of a CSV."""
    return (",".join(columns) + "\r\n").encode()


def csv_values(
    array: Slice,
    undefined: NDArray[np.bool_] | None = None,
    *,
    columns: Sequence[str],
    prefix: Sequence[str] = (),
) -> Iterator[bytes]:
    """Yield an array's lines of a long CSV by blocks.

    Args:
        array: The array.
        undefined: Where it has no value: an empty cell.
        columns: The axes in the order of the columns; one that the array lacks is empty.
        prefix: What every line begins with.
    """
    flat = array.values.reshape(-1)
    missing = None if undefined is None else undefined.reshape(-1)
    # In the order of the values: the columns of axes that the array lacks have one empty entry.
    order = [*array.axes, *(axis for axis in columns if axis not in array.axes)]
    places = [order.index(axis) for axis in columns]
    coordinates = product(*(_csv_coordinates(array.coords.get(axis, [""])) for axis in order))
    for start in range(0, flat.size, _CSV_ROWS):
        texts = [csv_number(value) for value in flat[start : start + _CSV_ROWS]]
        if missing is not None:
            for i in np.flatnonzero(missing[start : start + _CSV_ROWS]):
                texts[i] = ""
        out = io.StringIO()
        rows = zip(islice(coordinates, len(texts)), texts, strict=True)
        csv.writer(out).writerows(
            [*prefix, *(place[i] for i in places), text] for place, text in rows
        )
        yield out.getvalue().encode()


def _csv_coordinates(coordinates: Sequence[Any]) -> list[str]:
    return [c if isinstance(c, str) else csv_number(c) for c in coordinates]


def csv_number(value: Any) -> str:  # noqa: ANN401  # a Python or NumPy scalar
    """Return the shortest text that reads back to the same bits."""
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return number_name(float(value))
    return str(value)


def _little_endian(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
