"""The small picture beside the choice of an activation: φ, and φ′ that the gradient meets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 96
HEIGHT = 48
# What is seen of the curves: most of their bend, and one above and below.
_HALF_WIDTH = 4.0
_TOP = 1.15
_BOTTOM = -1.15


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Two SVG paths over the same axes; `zero_x` and `zero_y` are where the axes cross."""

    name: str
    value: str
    slope: str
    zero_x: float
    zero_y: float
    width: int = WIDTH
    height: int = HEIGHT


def activation_curves(catalog: Mapping[str, Any]) -> tuple[Curve, ...]:
    """Return the pictures of all activations, from the catalog's points."""
    return tuple(
        Curve(
            name=entry["name"],
            value=_path(entry["curve"]["a"], entry["curve"]["value"]),
            slope=_path(entry["curve"]["a"], entry["curve"]["slope"]),
            zero_x=round(_across(0.0), 1),
            zero_y=round(_down(0.0), 1),
        )
        for entry in catalog["activations"]
    )


def _path(arguments: Sequence[float], values: Sequence[float]) -> str:
    """Return the path of the points that are within the picture."""
    points = [
        f"{_across(a):.1f} {_down(value):.1f}"
        for a, value in zip(arguments, values, strict=True)
        if abs(a) <= _HALF_WIDTH and _BOTTOM <= value <= _TOP
    ]
    return "M" + "L".join(points)


def _across(argument: float) -> float:
    return (argument + _HALF_WIDTH) / (2 * _HALF_WIDTH) * WIDTH


def _down(value: float) -> float:
    return (_TOP - value) / (_TOP - _BOTTOM) * HEIGHT
