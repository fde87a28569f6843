"""The formats of an array and which of them a client wants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from app import arrow, wire
from app.http_errors import HttpProblem
from app.store import Slice

Undefined = NDArray[np.bool_] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayFormat:
    """A way to write an array: whole, or in pieces where the text is long.

    Attributes:
        has_nulls: It can tell what is not defined from NaN.
    """

    name: str
    media_type: str
    write: Callable[[Slice, Undefined], bytes | Iterable[bytes]]
    has_nulls: bool = True


FORMATS: Mapping[str, ArrayFormat] = MappingProxyType(
    {
        "json": ArrayFormat(name="json", media_type="application/json", write=wire.array_json),
        "npy": ArrayFormat(
            name="npy",
            media_type="application/x-npy",
            write=lambda array, _: wire.npy(array),
            has_nulls=False,
        ),
        "npz": ArrayFormat(
            name="npz",
            media_type="application/x-npz",
            write=lambda array, _: wire.npz(array),
            has_nulls=False,
        ),
        "csv": ArrayFormat(name="csv", media_type="text/csv", write=wire.csv_rows),
        "arrow": ArrayFormat(name="arrow", media_type=arrow.MEDIA_TYPE, write=arrow.stream),
        "f4": ArrayFormat(
            name="f4",
            media_type="application/octet-stream",
            write=lambda array, _: wire.f4(array),
            has_nulls=False,
        ),
    }
)


def choose_format(name: str | None, accept: str | None) -> ArrayFormat:
    """Return the format that is named, else the one that `Accept` likes best, else JSON.

    Raises:
        HttpProblem: 406 where there is none such.
    """
    if name is not None:
        if name in FORMATS:
            return FORMATS[name]
        raise HttpProblem(406, f"unknown format {name[:40]!r}; known: {', '.join(FORMATS)}")
    if accept is None or not accept.strip():
        return FORMATS["json"]
    weights = {known.name: _weight(known.media_type, accept) for known in FORMATS.values()}
    best = max(weights, key=lambda name: weights[name])  # the first of equals: JSON
    if weights[best] > 0:
        return FORMATS[best]
    known_types = ", ".join(known.media_type for known in FORMATS.values())
    raise HttpProblem(406, f"none of the accepted types is made here; made are {known_types}")


def _weight(media_type: str, accept: str) -> float:
    """Return the weight that an Accept header gives a type: its most specific range counts."""
    kind = media_type.partition("/")[0]
    ranks = {media_type: 3, f"{kind}/*": 2, "*/*": 1}
    best = (0, 0.0)
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.lower().split(";"))
        if name in ranks:
            best = max(best, (ranks[name], _quality(parameters)))
    return best[1]


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
