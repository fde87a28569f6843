"""Gradient norm at every time step over the whole training, under a strip of the loss."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.figures import layout, palette
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    last_asked,
    over_steps,
    reads_backwards,
    top_layer,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.layout import Part
from app.figures.loss import line, place_rail
from app.figures.missing import nothing
from app.figures.pooling import pool
from app.figures.training_axis import future, span_of_steps, whole_steps
from app.runs.recent_loss import RECENT_STEPS, mean_recent_loss

TITLE = "Gradient norm over training"
NAME = "hidden_gradient_norm"
# "1 % reach" (SCIENCE.md): two decades under the gradient at the last time asked.
REACH_DECADES = 2.0
HOVER = "step %{x}<br>t = %{y}<br>log10 %{z:.2f}<extra></extra>"
NOT_FINITE = "NaN"  # what JSON has no number for, as the wire spells it
# Decades of room over and under the loss in its strip.
STRIP_ROOM = 0.08
# The strip of the loss above the heatmap, as shares of the height.
HEATMAP_TOP, STRIP_BOTTOM = 0.79, 0.85


def draw(runs: Sequence[RunData], options: FigureOptions) -> go.Figure:
    """Heatmap, loss strip, reach line and cursor of one run, or of several side by side."""
    if not any(over_steps(run, NAME, layer=options.layer)[1].size for run in runs):
        return nothing(runs[0], NAME, TITLE)
    parts: list[Part] = []
    frame: Part = {"annotations": [], "shapes": []}
    pooled = 1
    for index, run in enumerate(runs):
        number = "" if index == 0 else str(2 * index + 1)
        strip = str(2 * index + 2)
        left, right = _columns(index, len(runs))
        drawn, block = _one(run, options, (f"x{number}", f"y{number}", f"y{strip}"))
        pooled = max(pooled, block)
        if index == 0:
            drawn[0] = {**drawn[0], "showscale": True, "colorbar": colorbar(options, "")}
        parts += drawn
        _axes(frame, run, (number, strip), (left, right), (drawn, index == 0))
        frame["annotations"] += future(run, NAME, number)
        if len(runs) > 1:
            frame["annotations"].append(_heading(run, (left + right) / 2))
    if options.step is not None:
        step = drawn_step(runs[0], NAME, options.step)
        frame["shapes"] += [] if step is None else cursor(step)
    frame["annotations"] += layout.pooled_note(pooled)
    recent = _recent_losses(runs[0], options)
    told = {key: runs[0].facts.get(key) for key in ("baseline", "needed_lag", "last_asked")}
    latest = drawn_step(runs[0], NAME, None)
    numbers = {"pooled": pooled, "latest": latest, "recent_losses": recent, **told}
    title = f"{TITLE}, of all losses together" if is_summed(runs) else TITLE
    return layout.figure(parts, frame, title=title, figure=NAME, **numbers)


def is_summed(runs: Sequence[RunData]) -> bool:
    """Whether a task asks at several times: the norm is that of all its losses together."""
    return any(int(run.facts.get("asked") or 1) > 1 for run in runs)


def reach(rows: FloatArray, times: FloatArray, tau: int) -> FloatArray:
    """Reach of each frame: how far back the gradient keeps 1 % of its size at τ.

    Args:
        rows: log10 ‖dℓ_τ/dh_k‖, one row a frame [F, T].
        times: the state times k of the columns.
        tau: τ.

    Returns:
        The largest d ≤ τ − 1 with all of d' ≤ d over the threshold; NaN where the value
        at τ is zero or not finite.
    """
    back = np.flatnonzero(times <= tau)[::-1]
    if not back.size or not rows.size:
        return np.full(len(rows), np.nan)
    fallen = rows[:, back]
    start = fallen[:, :1]
    with np.errstate(invalid="ignore"):
        holds = fallen - start >= -REACH_DECADES
    lost = np.argmin(holds, axis=1)
    position = np.where(holds.all(axis=1), back.size - 1, lost - 1)
    distance = tau - times[back][np.clip(position, 0, None)]
    return np.where(np.isfinite(start[:, 0]), distance, np.nan)


def cursor(step: int) -> list[Part]:
    """A white line on a dark casing, readable on every colour."""
    rule: Part = {"type": "line", "x0": step, "x1": step, "yref": "paper", "y0": 0, "y1": 1}
    casing = {"width": 4, "color": palette.TEXT}
    return [
        {**rule, "name": "cursor-casing", "line": casing},
        {**rule, "name": "cursor", "line": {"width": 2, "color": "#ffffff"}},
    ]


def _one(
    run: RunData, options: FigureOptions, axes: tuple[str, str, str]
) -> tuple[list[Part], int]:
    steps, values = over_steps(run, NAME, layer=options.layer)
    times = coordinates(run, NAME, "time")
    values = values.reshape(steps.size, times.size)
    tau = last_asked(run, times)
    own = last_asked(run, times, reads_backwards(run, NAME, options.layer))
    at_tau = np.searchsorted(times, own).clip(0, max(times.size - 1, 0))
    reference = values[:, at_tau] if values.size else np.empty(0)
    narrow, times_shown, rows = pool(values, times, 1)
    narrow, steps_shown, columns = pool(narrow, steps, 0)
    references, _, _ = pool(reference, steps, 0)
    cells = Cells(z=narrow.T, x=steps_shown, y=times_shown, reference=references, along="x")
    drawn = traces(cells, options, hover=HOVER, axes=(axes[0], axes[1]))
    drawn += _reach_line(run, tau, axes)
    loss_steps, loss = over_steps(run, "loss", layer=options.layer)
    strip = line(loss_steps, loss, role="loss", name="loss", color=palette.TEXT, yaxis=axes[2])
    good = loss[np.isfinite(loss) & (loss > 0)]
    place_rail(strip, float(good.max()) if good.size else 1.0)
    for trace in strip:
        trace["xaxis"] = axes[0]
    return drawn + strip, max(rows, columns)


def _recent_losses(run: RunData, options: FigureOptions) -> list[float | str | None]:
    """What the run's tile says at each column: the mean loss of the last steps until then."""
    frames, _ = over_steps(run, NAME, layer=options.layer)
    _, columns, _ = pool(frames, frames, 0)
    loss_steps, loss = over_steps(run, "loss", layer=options.layer)
    # The last column is asked at its last step: there it says what the run's row says.
    asked = np.append(columns[:-1], frames[-1:])
    ends = np.searchsorted(loss_steps, asked, side="right")
    means = [mean_recent_loss(loss[max(0, end - RECENT_STEPS) : end]) for end in ends]
    return [m if m is None or math.isfinite(m) else NOT_FINITE for m in means]


def _reach_line(run: RunData, tau: int, axes: tuple[str, str, str]) -> list[Part]:
    """The time step up to which the gradient of the last loss still counts."""
    steps, rows = over_steps(run, "last_loss_gradient", layer=top_layer(run))
    times = coordinates(run, "last_loss_gradient", "state_time")
    line_y = tau - reach(rows, times, tau) if rows.size else np.empty(0)
    common: Part = {
        "type": "scatter",
        "mode": "lines",
        "x": steps,
        "y": line_y,
        "xaxis": axes[0],
        "yaxis": axes[1],
        "name": "1 % reach",
    }
    hover = "step %{x}<br>1 % reach down to t = %{y}<extra></extra>"
    casing = {"width": 3.5, "color": palette.TEXT}
    return [
        {**common, "line": casing, "hoverinfo": "skip", "meta": {"role": "reach-casing"}},
        {
            **common,
            "line": {"width": 1.6, "color": "#ffffff"},
            "hovertemplate": hover,
            "meta": {"role": "reach"},
        },
    ]


def _columns(index: int, count: int) -> tuple[float, float]:
    gap = 0.05 if count > 1 else 0.0
    width = (1 - gap * (count - 1)) / count
    return index * (width + gap), index * (width + gap) + width


def _axes(
    frame: Part,
    run: RunData,
    numbers: tuple[str, str],
    span: tuple[float, float],
    drawn: tuple[list[Part], bool],
) -> None:
    """Add x, y and loss axes of one run to the layout."""
    number, strip = numbers
    parts, first = drawn
    times = np.asarray(parts[0]["y"], dtype=np.float64)
    length = int(run.config.get("task", {}).get("length", times[-1] if times.size else 1))
    losses = np.concatenate([np.asarray(p["y"], dtype=np.float64) for p in parts[-2:]])
    good = losses[np.isfinite(losses) & (losses > 0)]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.1, 1.0)
    frame[f"xaxis{number}"] = layout.axis(
        "training step",
        range=list(span_of_steps(run, NAME)),
        anchor=f"y{number}",
        domain=list(span),
        **whole_steps(run, NAME),
    )
    frame[f"yaxis{number}"] = layout.axis(
        "time step t" if first else "",
        range=[0.5, length + 0.5],
        domain=[0, HEATMAP_TOP],
        anchor=f"x{number}",
        **layout.time_ticks(length),
    )
    frame[f"yaxis{strip}"] = layout.axis(
        "loss" if first else "",
        type="log",
        range=[np.log10(low) - STRIP_ROOM, np.log10(high) + STRIP_ROOM],
        domain=[STRIP_BOTTOM, 1],
        anchor=f"x{number}",
        showgrid=True,
        showline=False,
        ticks="",
        **layout.round_ticks(*_whole_strip(low, high)),
    )


def _whole_strip(low: float, high: float) -> tuple[float, float]:
    """Ends that the ticks are for: where a loss hardly moves, those of the strip with its room."""
    if high > low * 10**STRIP_ROOM:
        return low, high
    return low / 10**STRIP_ROOM, high * 10**STRIP_ROOM


def _heading(run: RunData, x: float) -> Part:
    return layout.note(
        run.name, x, 1.0, name="heading", xref="paper", yref="paper", yanchor="bottom"
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Each column is one frame of the training: the loss sits at the top and its gradient "
        "travels down. Dark blue below means that early time steps are not heard; the white "
        "line is where 1 % of the last loss's gradient is left. Where every step has a loss, they "
        "all add up here and the map looks even; Credit assignment and Decay show one at a time."
    ),
    needs=(NAME, "loss", "last_loss_gradient"),
    draw=draw,
    runs=(1, 6),
    frames="all",
)
