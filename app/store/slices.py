"""Slices of recorded arrays, and how they are asked for: by coordinate, never by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.store.errors import SelectionError

LAST = "last"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """A part of a recorded array with every axis kept.

    Attributes:
        coords: The coordinates of each axis, in the order of the values.
        values: float32 (a row a frame) or float64 (a row a training step); what was not recorded
            or is not defined is NaN.
        scale: "log10", "ln", "plain" or "counts".
    """

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, Sequence[Any]]
    values: NDArray[Any]
    scale: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The coordinates from `start` to `stop`, both ends included, `stride` apart.

    An end that is None is open. With a stride k the coordinates start, start + k, start + 2k …
    are taken where they exist: coordinates, not positions.
    """

    start: float | None = None
    stop: float | None = None
    stride: int = 1


Choice = int | float | str | Span
Selection = Choice | Sequence[Choice]


def parse_choice(text: str) -> Choice:
    """Read one query value: `7`, `1:10`, `0:2000:500`, `last`, or a name.

    Raises:
        ValueError: A part of a span is no number, or the stride is not positive.
    """
    if ":" not in text:
        return _parse_point(text)
    start, stop, *rest = text.split(":")
    if len(rest) > 1:
        raise ValueError(f"expected a:b or a:b:k, got {text!r}")
    stride = _parse_stride(rest[0]) if rest and rest[0] else 1
    if stride < 1:
        raise ValueError(f"expected a stride of 1 or more, got {stride}")
    return Span(start=_parse_end(start), stop=_parse_end(stop), stride=stride)


def positions(axis: str, coords: Sequence[Any], selection: Selection) -> slice | NDArray[np.intp]:
    """Return where on an axis the selected coordinates are, in the order they are asked for.

    Returns:
        A slice where the positions are evenly spaced, which reads faster, else an array.

    Raises:
        SelectionError: A coordinate that the axis does not have, or nothing at all.
    """
    single = isinstance(selection, (str, Span)) or not isinstance(selection, Sequence)
    choices: Sequence[Choice] = (selection,) if single else selection  # type: ignore[assignment]
    found: list[int] = []
    for choice in choices:
        found.extend(_positions_of(axis, coords, choice))
    if not found:
        raise SelectionError(axis, f"nothing selected; {_known(coords)}")
    return _evenly(found)


def _positions_of(axis: str, coords: Sequence[Any], choice: Choice) -> Sequence[int]:
    if isinstance(choice, Span):
        return _positions_of_span(axis, coords, choice)
    if choice == LAST and coords:
        return (len(coords) - 1,)
    named = bool(coords) and isinstance(coords[0], str)
    try:
        return (coords.index(str(choice) if named else choice),)
    except ValueError:
        raise SelectionError(axis, f"no coordinate {choice!r}; {_known(coords)}") from None


def _positions_of_span(axis: str, coords: Sequence[Any], span: Span) -> Sequence[int]:
    if any(isinstance(value, str) for value in coords[:1]):
        raise SelectionError(axis, f"names have no ranges; {_known(coords)}")
    low = -np.inf if span.start is None else span.start
    high = np.inf if span.stop is None else span.stop
    if low > high:
        raise SelectionError(axis, f"a range must rise, got {span.start}:{span.stop}")
    inside = np.asarray(coords)
    keep = (inside >= low) & (inside <= high)
    if span.stride > 1 and keep.any():
        if inside.dtype.kind != "i":
            raise SelectionError(axis, "a stride needs whole-numbered coordinates")
        origin = inside[keep][0] if span.start is None else int(span.start)
        keep &= (inside - origin) % span.stride == 0
    found: list[int] = np.flatnonzero(keep).tolist()
    return found


def _evenly(found: list[int]) -> slice | NDArray[np.intp]:
    if len(found) == 1:
        return slice(found[0], found[0] + 1)
    steps = np.diff(found)
    if steps[0] > 0 and (steps == steps[0]).all():
        return slice(found[0], found[-1] + 1, int(steps[0]))
    return np.asarray(found, dtype=np.intp)


def _known(coords: Sequence[Any]) -> str:
    if not len(coords):
        return "nothing is recorded yet"
    if isinstance(coords[0], str):
        return "known: " + ", ".join(coords)
    return f"known: {_spacing(coords)}from {coords[0]} to {coords[-1]}"


def _spacing(coords: Sequence[Any]) -> str:
    """Say how far apart whole-numbered coordinates are; the last one may be nearer."""
    steps = np.diff(np.asarray(coords))
    if steps.dtype.kind != "i" or not steps.size or (steps[:-1] != steps[0]).any():
        return ""
    return f"every {steps[0]}, " if steps[0] > 1 else ""


def _parse_point(text: str) -> Choice:
    for number in (int, float):
        try:
            value = number(text)
        except ValueError:
            continue
        if value == value:
            return value
    return text


def _parse_stride(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number as stride, got {text[:40]!r}") from None


def _parse_end(text: str) -> float | None:
    if not text:
        return None
    value = _parse_point(text)
    if isinstance(value, (str, Span)):
        raise ValueError(f"expected a number, got {text!r}")
    return value
