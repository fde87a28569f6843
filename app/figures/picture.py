"""A drawn figure as plain parts, which go out as Plotly's JSON, and as Plotly's object on demand.

Making Plotly's objects and reading them again takes longer than all else of a figure, at every
frame of a live run. The tests make them of every figure, with all of Plotly's own checks.
"""

import base64
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import orjson
import plotly.graph_objects as go
from numpy.typing import NDArray

Part = dict[str, Any]

# plotly.js's names of the numbers that its typed arrays hold.
_TYPES: Final = MappingProxyType(
    {
        f"{kind}{8 * size}": f"{kind[0]}{size}"
        for kind, sizes in (("int", (1, 2, 4)), ("uint", (1, 2, 4)), ("float", (4, 8)))
        for size in sizes
    }
)
# What plotly.js knows no typed array of goes out in the smallest one that holds it.
_NARROWER: Final = MappingProxyType({"int64": "int", "uint64": "uint"})


class Picture:
    """Traces and layout as Plotly's schema has them; arrays in them are NumPy's."""

    def __init__(self, traces: list[Part], frame: Part) -> None:
        """Keep the parts; they are not to be changed any more."""
        self._traces = traces
        self._frame = frame

    @cached_property
    def figure(self) -> go.Figure:
        """The same as Plotly's object."""
        return go.Figure(data=self._traces, layout=self._frame, _validate=False)

    @property
    def data(self) -> tuple[Any, ...]:
        """Plotly's traces."""
        traces: tuple[Any, ...] = self.figure.data
        return traces

    @property
    def layout(self) -> go.Layout:
        """Plotly's layout."""
        return self.figure.layout

    def json(self) -> bytes:
        """Return the figure as `plotly.io.from_json` reads it."""
        parts = {"data": self._traces, "layout": self._frame}
        return orjson.dumps(parts, default=_written)


def _written(value: object) -> object:
    """Return what a part holds that is not JSON's, as orjson writes it."""
    if isinstance(value, np.ndarray):
        return _typed(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError  # orjson says of which type


def _typed(array: NDArray[Any]) -> object:
    """Return an array as plotly.js's typed one; a list where there is no such type."""
    name = array.dtype.name
    if name in _NARROWER and array.size:
        array = array.astype(_narrowest(array, _NARROWER[name]))
        name = array.dtype.name
    if name not in _TYPES or not array.size:
        return array.tolist()
    packed = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    record = {"dtype": _TYPES[name], "bdata": base64.b64encode(packed.data).decode("ascii")}
    if array.ndim > 1:
        record["shape"] = ", ".join(map(str, array.shape))
    return record


def _narrowest(array: NDArray[Any], kind: str) -> np.dtype[Any]:
    """Return the smallest type of a kind that holds every number, its own where none does."""
    low, high = array.min(), array.max()
    fits = (
        np.dtype(f"{kind}{bits}")
        for bits in (8, 16, 32)
        if np.iinfo(f"{kind}{bits}").min <= low and high <= np.iinfo(f"{kind}{bits}").max
    )
    return next(fits, array.dtype)
