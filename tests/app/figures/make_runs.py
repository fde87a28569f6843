"""Runs made of small computations, as the store would hand them to a figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.base import RunData
from tests.app.figures.further_slices import further_slices


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A named array with named axes."""

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, Sequence[Any]]
    values: NDArray[Any]
    scale: str = field(default="log10")


def recorded(name: str, values: NDArray[Any], **coords: Sequence[Any]) -> Recorded:
    """Axes in the order of the keywords."""
    return Recorded(name=name, axes=tuple(coords), coords=coords, values=values)


def linear_run(
    factors: Sequence[float],
    *,
    length: int = 12,
    units: int = 5,
    steps: int | None = None,
    every: int = 10,
    status: str = "running",
    name: str = "tanh RNN",
    activation: str = "tanh",
    asked: str = "all",
) -> RunData:
    """A run whose gradient falls by one factor a time step, one factor for each frame.

    The loss reads the state itself, so that ‖dℓ_t/dh_k‖ = factor ** (t − k) exactly.
    """
    frames = every * np.arange(len(factors))
    times = np.arange(1, length + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(np.asarray(factors, dtype=np.float64))
    back = length - times
    with np.errstate(invalid="ignore"):
        norms = np.where(back == 0, 0.0, logs[:, None] * np.maximum(back, 1))
    norms = np.where(np.isnan(logs)[:, None], np.nan, norms)
    lags = times[:, None] - times[None, :]
    with np.errstate(invalid="ignore"):
        matrix = logs[:, None, None] * np.maximum(lags, 1)[None]
        matrix = np.where(lags == 0, 0.0, matrix)
    if asked == "last":
        matrix[:, :-1] = -np.inf
    matrix[:, lags < 0] = np.nan
    offsets = -0.1 * np.arange(units)[::-1]
    histogram = np.zeros((len(factors), 1, length, 40))
    histogram[..., 36] = 3.0
    histogram[..., 1] = 1.0
    frame_axis = {"step": tuple(int(f) for f in frames), "layer": (0,)}
    time_axis = tuple(int(t) for t in times)
    done = int(frames[-1]) if len(frames) else 0
    series = np.arange(done + 1)
    loss = 0.3 * np.exp(-series / max(done, 1))
    geometry = np.tile(np.array([0.9, 1.5, 0.1, 0.2]), (len(factors), 1, 1, 1))
    quantities = (
        "spectral_radius",
        "largest_singular_value",
        "distance_from_orthogonal",
        "departure_from_normality",
    )
    slices = [
        recorded("hidden_gradient_norm", norms[:, None].astype("f4"), **frame_axis, time=time_axis),
        recorded(
            "hidden_gradient",
            (norms[:, None, :, None] + offsets).astype("f4"),
            **frame_axis,
            time=time_axis,
            unit=tuple(range(units)),
        ),
        recorded(
            "loss_state_gradient",
            matrix[:, None].astype("f4"),
            **frame_axis,
            loss_time=time_axis,
            state_time=time_axis,
        ),
        recorded(
            "last_loss_gradient", norms[:, None].astype("f4"), **frame_axis, state_time=time_axis
        ),
        recorded(
            "activation_slope_histogram",
            histogram.astype("f4"),
            **frame_axis,
            time=time_axis,
            bin=tuple(i / 40 for i in range(40)),
        ),
        recorded(
            "saturation",
            np.full((len(factors), 1, length), 0.25, dtype="f4"),
            **frame_axis,
            time=time_axis,
        ),
        recorded("weight_geometry", geometry, **frame_axis, gate=("h",), quantity=quantities),
        recorded("loss", loss, step=tuple(series.tolist())),
        recorded("validation_loss", loss[frames] * 1.1, step=frame_axis["step"]),
        recorded("gradient_norm", np.log10(loss), step=tuple(series.tolist())),
        recorded("clip_factor", np.clip(loss * 4, 0, 1), step=tuple(series.tolist())),
        *(
            recorded(name, values, **coords)
            for name, values, coords in further_slices(frames.tolist(), length, units, done)
        ),
    ]
    return RunData(
        id=f"run-{name}".replace(" ", "-"),
        name=name,
        config={
            "task": {"kind": "adding", "length": length},
            "model": {"cell": "elman", "activation": activation, "layers": 1},
            "training": {"precision": "float32"},
            "recording": {"every": every},
        },
        facts={"last_asked": length, "baseline": 1 / 6, "needed_lag": length // 2},
        status=status,
        step=done,
        steps=every * (len(factors) + 2) if steps is None else steps,
        slices={found.name: found for found in slices},
    )


def with_slice(run: RunData, name: str, values: NDArray[Any]) -> RunData:
    """The same run with other values in one slice."""
    old = run.slices[name]
    new = Recorded(name=name, axes=tuple(old.axes), coords=old.coords, values=values)
    return replace(run, slices={**run.slices, name: new})


def picked(run: RunData, name: str, axis: str, coordinate: object) -> RunData:
    """The same run with one coordinate of an axis, as the loading leaves it."""
    old = run.slices[name]
    place, at = list(old.axes).index(axis), list(old.coords[axis]).index(coordinate)
    new = Recorded(
        name=name,
        axes=tuple(old.axes),
        coords={**old.coords, axis: (coordinate,)},
        values=np.take(old.values, [at], axis=place),
    )
    return replace(run, slices={**run.slices, name: new})


def without_frames(run: RunData, status: str = "running") -> RunData:
    """The same run before its first step."""
    return RunData(
        id=run.id,
        name=run.name,
        config=run.config,
        facts=run.facts,
        status=status,
        step=0,
        steps=run.steps,
    )
