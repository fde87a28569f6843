"""What a figure is: the contract between the store, the routes and the drawing functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from app.figures.picture import Picture

Mode = Literal["ratio", "magnitude"]
Decades = Literal[4, 8, 16]
Losses = Literal["all", "last"]
Align = Literal["step", "loss"]
Frames = Literal["all", "one", "one and latest"]
Choosable = Literal["parameter", "gate", "losses"]

FloatArray = NDArray[np.float64]

# Plotly's types of traces that figures draw: a page's plotly.js is made with these.
TRACES = ("bar", "heatmap", "scatter")


class Slice(Protocol):
    """A named array with named axes, as the store hands it out."""

    @property
    def name(self) -> str:
        """The statistic's name."""

    @property
    def axes(self) -> Sequence[str]:
        """Names of the axes, the first is `step`."""

    @property
    def coords(self) -> Mapping[str, Sequence[Any]]:
        """Coordinates of every axis."""

    @property
    def values(self) -> NDArray[Any]:
        """The numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunData:
    """What a figure may know of one run; `slices` holds the statistics it asked for.

    `name` is written as `layout.literal` does, for figures to show.
    `steps` is the planned length of the training, `step` how far it came. `recorded` names
    all that the run records, None where that is not known.
    """

    id: str
    name: str
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    status: str
    step: int
    steps: int
    verdict: Mapping[str, Any] | None = None
    slices: Mapping[str, Slice] = field(default_factory=dict)
    recorded: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureOptions:
    """What the reader chose: step (None = the latest), layer, colour mode and range, and more.

    In mode `magnitude` a heatmap's z is the recorded log10 itself, in `ratio` its
    difference from the value at the last time asked. `range` is half the width of the
    colour scale in decades. `steps` is a step for each of several runs, in their order, where
    they are not looked at at one. `losses` says whether a map over the training is of all losses
    of a task or of the last one alone, `align` whether runs are held against each other at one
    training step or where each first comes down to one loss. `parameter` and `gate` are
    coordinates, None for the first that there is. `length` and `at` are the T and the
    pre-activation of a figure without a run.
    """

    step: int | None = None
    steps: tuple[int, ...] = ()
    layer: int | str = 0
    mode: Mode = "magnitude"
    range: Decades = 8
    losses: Losses = "all"
    align: Align = "step"
    parameter: str | None = None
    gate: str | None = None
    length: int = 20
    at: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureDefinition:
    """One figure: what it shows, what it needs, and the pure function that draws it.

    `at_a_glance` is the first half line of how to read it, short enough to stand whole under the
    figure's title. `frames` says which recorded steps `load` reads: all, the chosen one, or the
    chosen one and the latest. `runs` is the least and the largest number of runs. Of what
    `chooses` names (an axis, or which losses) one is shown, which the reader picks.
    """

    name: str
    title: str
    how_to_read: str
    at_a_glance: str
    needs: tuple[str, ...]
    draw: Callable[[Sequence[RunData], FigureOptions], Picture]
    runs: tuple[int, int] = (1, 1)
    frames: Frames = "one"
    chooses: tuple[Choosable, ...] = ()


def plane(run: RunData, name: str, *, step: int | None, layer: int | str) -> FloatArray | None:
    """One frame of a statistic: axes step and layer (where it has them) taken out.

    Args:
        run: the run whose slices are looked into.
        name: the statistic.
        step: the recorded step; None takes the last one in the slice.
        layer: the layer's coordinate, or the nearest one there is.

    Returns:
        The remaining axes as float64, or None where nothing is recorded.
    """
    found = run.slices.get(name)
    if found is None or found.values.size == 0:
        return None
    values = np.asarray(found.values, dtype=np.float64)
    if "layer" in found.axes:
        position = layer_position(found.coords["layer"], layer)
        values = np.take(values, position, axis=list(found.axes).index("layer"))
    if "step" in found.axes:
        position = nearest(found.coords["step"], step)
        values = np.take(values, position, axis=list(found.axes).index("step"))
    return values


def over_steps(run: RunData, name: str, *, layer: int | str) -> tuple[FloatArray, FloatArray]:
    """All steps of a statistic and their coordinates, the layer taken out."""
    found = run.slices.get(name)
    if found is None:
        return np.empty(0), np.empty((0, 0))
    values = np.asarray(found.values, dtype=np.float64)
    if "layer" in found.axes:
        position = layer_position(found.coords["layer"], layer)
        values = np.take(values, position, axis=list(found.axes).index("layer"))
    return np.asarray(found.coords["step"], dtype=np.float64), values


def nearest(coordinates: Sequence[Any], wanted: int | None) -> int:
    """Position of the last coordinate that is not beyond the wanted one (None: the last)."""
    if wanted is None:
        return len(coordinates) - 1
    numbers = np.asarray(coordinates, dtype=np.float64)
    return max(int(np.searchsorted(numbers, wanted, side="right")) - 1, 0)


def layer_position(coordinates: Sequence[Any], wanted: int | str) -> int:
    """Position of a layer: of the wanted direction, and the highest that is not above it.

    Where a run has one direction alone, that is meant by both.

    Example:
        >>> layer_position(["0", "0r", "1", "1r"], "1r"), layer_position([0, 1], "1r")
        (3, 1)
    """
    level, backwards = _layer(wanted)
    there = [_layer(one) for one in coordinates]
    own = [at for at, (_, side) in enumerate(there) if side == backwards] or range(len(there))
    return max((at for at in own if there[at][0] <= level), default=own[0])


def reads_backwards(run: RunData, name: str, layer: int | str) -> bool:
    """Whether the layer shown of a statistic is one that reads the sequence backwards."""
    coordinates = run.slices[name].coords.get("layer", ())
    return bool(coordinates) and _layer(coordinates[layer_position(coordinates, layer)])[1]


def layer_number(run: RunData, name: str, layer: int | str) -> int:
    """Number of the layer shown of a statistic, whichever way it reads; 0 where it has none."""
    coordinates = run.slices[name].coords.get("layer", ())
    return _layer(coordinates[layer_position(coordinates, layer)])[0] if coordinates else 0


def is_stacked_both_ways(run: RunData) -> bool:
    """Whether every loss reaches every state: layers of two directions, one on another."""
    model = run.config.get("model", {})
    return bool(model.get("bidirectional")) and int(model.get("layers", 1)) > 1


def _layer(name: int | str) -> tuple[int, bool]:
    """Return a layer's number, and whether it reads the sequence backwards."""
    text = str(name)
    return int(text.removesuffix("r")), text.endswith("r")


def coordinates(run: RunData, name: str, axis: str) -> FloatArray:
    """Coordinates of one axis of a statistic; empty where it is not recorded."""
    found = run.slices.get(name)
    if found is None or axis not in found.axes:
        return np.empty(0)
    return np.asarray(found.coords[axis], dtype=np.float64)


def top_layer(run: RunData) -> int:
    """The layer under the read-out."""
    return int(run.config.get("model", {}).get("layers", 1)) - 1


def last_asked(run: RunData, times: FloatArray, backwards: bool = False) -> int:
    """τ, the last time at which anything is asked; the end of the sequence where unsaid.

    Of a layer that reads backwards it is the first.
    """
    if backwards:
        return int(run.facts.get("first_asked") or 1)
    told = run.facts.get("last_asked")
    if told is not None:
        return int(told)
    return int(times[-1]) if times.size else 1


def drawn_step(run: RunData, name: str, step: int | None) -> int | None:
    """The recorded step that a figure really shows for the one that was asked for."""
    recorded = coordinates(run, name, "step")
    return int(recorded[nearest(list(recorded), step)]) if recorded.size else None
