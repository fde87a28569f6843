"""How the gradient of the last loss decays with distance, beside what theory allows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.figures import layout, palette, scale
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    last_asked,
    layer_number,
    plane,
    reads_backwards,
    top_layer,
)
from app.figures.frame_verdict import verdict
from app.figures.line_labels import Wanted, place
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.pooling import thin
from app.figures.theory import theory

TITLE = "Decay with distance"
NAME = "last_loss_gradient"
HEALTHY_DECADES = 1.0
# So many marks on a rail are enough.
MARKS = 50
# So many places along each edge of the healthy band are tried for its name.
BAND_PLACES = 7
# The ends of the axis are multiples of one of these, in decades: the first that fits so often.
GRIDS, MOST_GRIDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), 10
HOVER = "d = %{x}<br>ratio 10<sup>%{y:.2f}</sup><extra></extra>"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Measured ratio over d = τ − k, the latest frame, the bound and the spectral radius."""
    run = runs[0]
    row = plane(run, NAME, step=options.step, layer=options.layer)
    if row is None:
        return nothing(run, NAME, TITLE, figure="decay")
    times = coordinates(run, NAME, "state_time")
    backwards = reads_backwards(run, NAME, options.layer)
    tau = last_asked(run, times, backwards)
    if backwards:  # from its loss to the right: the same in its own time
        times, tau = times[-1] + 1 - times[::-1], int(times[-1]) + 1 - tau
        row = row[::-1]
    lags, curve = by_lag(row, times, tau)
    step, latest = drawn_step(run, NAME, options.step), drawn_step(run, NAME, None)
    facts = theory(run, options.step)
    if layer_number(run, NAME, options.layer) != top_layer(run):
        # What reaches a lower layer comes through those above it: these weights do not bound it.
        facts |= {"bound": None, "is_one_path": False}
    if lags.size <= 1:
        told = {"step": step, "verdict": verdict(run, step), **facts}
        return layout.empty(TITLE, _no_distance(tau, backwards), figure="decay", **told)
    depth = float(lags[-1])
    low, high = _window(curve)
    parts = [*_curve(lags, curve, "measured", palette.VANISHING, 2.4)]
    last = plane(run, NAME, step=None, layer=options.layer)
    if latest != step and last is not None:
        last = last[::-1] if backwards else last
        parts = _curve(*by_lag(last, times, tau), "latest", palette.MUTED, 1.2) + parts
    parts += _theory(facts, depth) + _rails(lags, curve, (low, high))
    bound = "γσ<sub>max</sub>" if facts["is_one_path"] else "β"
    notes = place(_labels(parts, (step, latest), depth, bound), parts, depth, (low, high))
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis(
                f"distance from the loss, d = {'k − τ' if backwards else 'τ − k'}",
                range=[0, depth],
                showgrid=True,
            ),
            "yaxis": layout.axis(
                "‖g<sub>τ−d</sub>‖ ÷ ‖g<sub>τ</sub>‖",
                range=[low, high],
                showgrid=True,
                **layout.power_ticks(low, high),
            ),
            "shapes": [_healthy()],
            "annotations": notes,
        },
        title=TITLE,
        figure="decay",
        step=step,
        verdict=verdict(run, step),
        **facts,
    )


def _no_distance(tau: int, backwards: bool) -> str:
    """Say why the loss has no state before it, in the layer's own time."""
    if backwards:
        return (
            "This layer reads from the end, where its only loss is: that comes after its first "
            "step, so there is no distance over which a gradient could fade"
        )
    return f"The last loss is at t = {tau}: no state lies before it"


def by_lag(row: FloatArray, times: FloatArray, tau: int) -> tuple[FloatArray, FloatArray]:
    """log10 ‖g_{τ−d}‖ / ‖g_τ‖ over d = 0 … τ − 1; NaN throughout where g_τ is unusable."""
    back = np.flatnonzero(times <= tau)[::-1]
    if not back.size:
        return np.empty(0), np.empty(0)
    return tau - times[back], scale.ratio(row[back], row[back[0]])


def _window(curve: FloatArray) -> tuple[float, float]:
    """Lower and upper end in decades: the measured curve with room for a bound above."""
    finite = curve[np.isfinite(curve)]
    low = min(float(finite.min()) if finite.size else 0.0, -2.0)
    high = max(float(finite.max()) if finite.size else 0.0, 1.0)
    room = 0.08 * (high - low)
    top = max(high + room, min(4.0, high + 0.25 * (high - low)))
    # At round numbers, so that the axis rests while the curve of a run that goes on moves a little.
    grid = next((each for each in GRIDS if (high - low) / each <= MOST_GRIDS), GRIDS[-1])
    return grid * math.floor((low - room) / grid), grid * math.ceil(top / grid)


def _curve(lags: FloatArray, curve: FloatArray, role: str, color: str, width: float) -> list[Part]:
    finite = np.where(np.isfinite(curve), curve, np.nan)
    xs, ys = thin(lags, finite)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": xs,
            "y": ys,
            "name": role,
            "line": {"width": width, "color": color},
            "hovertemplate": HOVER,
            "meta": {"role": role},
        }
    ]


def _theory(facts: Mapping[str, Any], depth: float) -> list[Part]:
    """Dashed bound and dotted radius, straight lines in the logs; empty where there is none."""
    parts = []
    for role, key, dash, color in (
        ("bound", "bound", "dash", palette.EXPLODING),
        ("radius", "spectral_radius", "dot", palette.MUTED),
    ):
        factor = facts[key] if role == "bound" or facts["is_one_path"] else None
        ends = [0.0, depth] if factor else []
        height = [0.0, depth * math.log10(factor)] if factor else []
        parts.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": ends,
                "y": height,
                "name": role,
                "line": {"width": 1.4, "color": color, "dash": dash},
                "hoverinfo": "skip",
                "meta": {"role": role},
            }
        )
    return parts


def _rails(lags: FloatArray, curve: FloatArray, window: tuple[float, float]) -> list[Part]:
    """Exact zeros on the lower edge, what is not finite on the upper one."""
    low, high = window
    rails = (
        ("zero-points", np.isneginf(curve), low, "triangle-down", palette.MUTED, "exact zero"),
        (
            "nonfinite-points",
            np.isnan(curve) | np.isposinf(curve),
            high,
            "x",
            palette.NOT_FINITE,
            "not finite",
        ),
    )
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": _few(lags[where]),
            "y": np.full(_few(lags[where]).size, height),
            "marker": {"symbol": symbol, "size": 6, "color": color},
            "hovertemplate": f"d = %{{x}}<br>{words}<extra></extra>",
            "cliponaxis": False,
            "meta": {"role": role},
        }
        for role, where, height, symbol, color, words in rails
    ]


def _few(points: FloatArray) -> FloatArray:
    """Evenly thinned, both ends kept."""
    if points.size <= MARKS:
        return points
    kept: FloatArray = points[np.linspace(0, points.size - 1, MARKS).round().astype(int)]
    return kept


def _labels(
    parts: Sequence[Part], steps: tuple[int | None, int | None], depth: float, bound: str
) -> list[Wanted]:
    """What is written in the plot: at each line its name, at an edge of the band its own."""
    words = {
        "measured": f"step {steps[0]}",
        "bound": f"({bound})<sup>d</sup> bound",
        "radius": "ρ(W)<sup>d</sup>",
        "latest": f"latest step {steps[1]}",
    }
    named = {part["meta"]["role"]: part for part in parts}
    lines = [
        Wanted(text, role, np.asarray(named[role]["x"]), np.asarray(named[role]["y"]))
        for role, text in words.items()
        if role in named and len(named[role]["x"]) > 1
    ]
    across = np.linspace(0, depth, BAND_PLACES)
    edges = np.repeat([HEALTHY_DECADES, -HEALTHY_DECADES], BAND_PLACES)
    band = Wanted(
        "healthy 0.1–10",  # noqa: RUF001
        "healthy",
        np.tile(across, 2),
        edges,
        is_line=False,
    )
    return [*lines, band]


def _healthy() -> Part:
    return {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": -HEALTHY_DECADES,
        "y1": HEALTHY_DECADES,
        "name": "healthy",
        "fillcolor": palette.HEALTHY,
        "opacity": 0.12,
        "layer": "below",
        "line": {"width": 0},
    }


FIGURE = FigureDefinition(
    name="decay",
    title=TITLE,
    how_to_read=(
        "A straight fall on this axis is exponential vanishing, a rise explosion; inside the "
        "green band every step back still learns. No network of this shape can lie over the "
        "dashed bound; where the bound itself falls, vanishing is certain."
    ),
    at_a_glance="In the green band every step back still learns.",
    needs=(NAME, "weight_geometry"),
    draw=draw,
    frames="one and latest",
)
