"""Query parameters to a selection: every axis by coordinate, and what may be cached of it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.datastructures import QueryParams

from app.http_errors import HttpProblem, bad_parameter
from app.store import ArrayInfo, SelectionError
from app.store.slices import LAST, Choice, Span, parse_choice, positions


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """A selection that was held against the recorded array.

    Attributes:
        by_axis: What the store is asked for.
        coords: The coordinates it comes to.
        is_final: No frame that is still to come can change what it selects.
    """

    by_axis: Mapping[str, tuple[Choice, ...]]
    coords: Mapping[str, Sequence[Any]]
    is_final: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the slice."""
        return tuple(len(axis) for axis in self.coords.values())

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def select(query: QueryParams, info: ArrayInfo, others: Collection[str]) -> Selected:
    """Return what a query selects of an array.

    Args:
        query: One parameter for each axis that is narrowed, repeated for several coordinates.
        info: The array as it stands.
        others: Parameters that are no axes.

    Raises:
        HttpProblem: 422 at a parameter that is no axis, or at a coordinate that is not there.
    """
    unknown = sorted(set(query) - set(info.axes) - set(others))
    if unknown:
        known = ", ".join([*info.axes, *others])
        raise bad_parameter(unknown[0], f"no axis of {info.name}; known: {known}")
    by_axis = {axis: _choices(axis, query.getlist(axis)) for axis in info.axes if axis in query}
    coords = {axis: _chosen(axis, info.coords[axis], by_axis.get(axis)) for axis in info.axes}
    return Selected(by_axis=by_axis, coords=coords, is_final=_is_final(by_axis.get("step"), info))


def require_size(size: int, info: ArrayInfo, most: int) -> None:
    """Refuse an answer of too many elements.

    Raises:
        HttpProblem: 413, with both numbers and what to narrow.
    """
    if size > most:
        raise HttpProblem(
            413,
            f"{size} elements are selected, {most} are answered at once; narrow one of the axes"
            f" {', '.join(info.axes)}",
        )


def _choices(axis: str, texts: Sequence[str]) -> tuple[Choice, ...]:
    try:
        choices = tuple(parse_choice(text) for text in texts)
    except ValueError as error:
        raise bad_parameter(axis, str(error)) from error
    for choice in choices:
        if isinstance(choice, Span) and choice.stride > 1 and not _is_finite(choice):
            raise bad_parameter(axis, "a range with a stride has whole numbers at its ends")
    return choices


def _is_finite(span: Span) -> bool:
    return all(end is None or math.isfinite(end) for end in (span.start, span.stop))


def _chosen(axis: str, coords: Sequence[Any], choices: tuple[Choice, ...] | None) -> Sequence[Any]:
    if choices is None:
        return coords
    try:
        found = positions(axis, coords, choices)
    except SelectionError as error:
        raise bad_parameter(axis, error.detail) from error
    if isinstance(found, slice):
        return coords[found]
    return [coords[int(i)] for i in np.asarray(found)]


def _is_final(choices: tuple[Choice, ...] | None, info: ArrayInfo) -> bool:
    """Return whether later frames leave the selection alone: named steps, or ranges in the past."""
    steps = info.coords.get("step", ())
    if choices is None or not len(steps):
        return False
    return all(
        choice != LAST
        if not isinstance(choice, Span)
        else choice.stop is not None and choice.stop <= steps[-1]
        for choice in choices
    )
