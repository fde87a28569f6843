"""Gradient norm at every time step over the whole training, under a strip of the loss.

Where a task asks at several times, every state hears all losses after it, and the map of their
sum is even however short each of them reaches. Of the last loss alone it is `last_loss_gradient`,
which every run records: the same axes, and the reach can be read from it.
"""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from app.figures import layout, palette
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    is_stacked_both_ways,
    last_asked,
    over_steps,
    reads_backwards,
    top_layer,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.loss_levels import recent_losses
from app.figures.loss_strip import strip, strip_axis, strip_caption
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.pooling import pool
from app.figures.training_axis import future, span_of_steps, whole_steps
from app.wire import finite

TITLE = "Gradient norm over training"
NAME = "hidden_gradient_norm"
OF_LAST = "last_loss_gradient"
# What each of the two calls its axis of time.
TIME_AXES = MappingProxyType({NAME: "time", OF_LAST: "state_time"})
# "1 % reach" (SCIENCE.md): two decades under the gradient at the last time asked.
REACH_DECADES = 2.0
HOVER = "step %{x}<br>t = %{y}<br>log10 %{z:.2f}<extra></extra>"
# The heatmap under the strip of the loss, as a share of the height.
HEATMAP_TOP = 0.79


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Heatmap, loss strip, reach line and cursor of one run, or of several side by side."""
    name = OF_LAST if options.losses == "last" and is_summed(runs) else NAME
    if not any(over_steps(run, name, layer=options.layer)[1].size for run in runs):
        return nothing(runs[0], name, TITLE, figure=NAME)
    parts: list[Part] = []
    frame: Part = {"annotations": [], "shapes": []}
    pooled = 1
    for index, run in enumerate(runs):
        number, upper = "" if index == 0 else str(2 * index + 1), str(2 * index + 2)
        left, right = _columns(index, len(runs))
        drawn, block = _one(run, options, name, (f"x{number}", f"y{number}"))
        pooled = max(pooled, block)
        if index == 0:
            drawn[0] = {**drawn[0], "showscale": True, "colorbar": colorbar(options, "")}
        parts += drawn + strip(run, f"x{number}", f"y{upper}")
        frame |= _axes(run, name, number, (left, right), titled=index == 0)
        frame[f"yaxis{upper}"] = strip_axis(run, f"x{number}", titled=index == 0)
        frame["annotations"] += future(run, name, number)
        frame["annotations"] += strip_caption(run, f"x{number}", f"y{upper}")
        if len(runs) > 1:
            frame["annotations"].append(_heading(run, (left + right) / 2))
    if options.step is not None:
        step = drawn_step(runs[0], name, options.step)
        frame["shapes"] += [] if step is None else cursor(step)
    frame["annotations"] += layout.pooled_note(pooled)
    recent = _recent_losses(runs[0], options, name)
    told = {key: runs[0].facts.get(key) for key in ("baseline", "needed_lag", "last_asked")}
    latest = drawn_step(runs[0], name, None)
    numbers = {"pooled": pooled, "latest": latest, "recent_losses": recent, **told}
    which = "the last loss alone" if name == OF_LAST else "all losses together"
    title = f"{TITLE}, of {which}" if is_summed(runs) else TITLE
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
    run: RunData, options: FigureOptions, name: str, axes: tuple[str, str]
) -> tuple[list[Part], int]:
    """The map of one run with its line of reach; and how many of its values a cell holds."""
    steps, values = over_steps(run, name, layer=options.layer)
    times = coordinates(run, name, TIME_AXES[name])
    values = values.reshape(steps.size, times.size)
    backwards = reads_backwards(run, name, options.layer)
    own = last_asked(run, times, backwards)
    at_tau = np.searchsorted(times, own).clip(0, max(times.size - 1, 0))
    reference = values[:, at_tau] if values.size else np.empty(0)
    # What is not defined must not win a block of the pool as if it were a number gone wrong.
    defined = np.where(_unheard(run, name, times, own), -np.inf, values)
    narrow, times_shown, rows = pool(defined, times, 1)
    narrow, steps_shown, columns = pool(narrow, steps, 0)
    references, _, _ = pool(reference, steps, 0)
    absent = np.broadcast_to(_unheard(run, name, times_shown, own), narrow.shape)
    cells = Cells(
        z=np.where(absent, np.nan, narrow).T,
        x=steps_shown,
        y=times_shown,
        reference=references,
        along="x",
        undefined=absent.T if absent.any() else None,
    )
    drawn = traces(cells, options, hover=HOVER, axes=axes)
    # A layer that reads backwards is reached from the first loss on, to the other side.
    if not backwards:
        drawn += _reach_line(run, last_asked(run, times), axes)
    return drawn, max(rows, columns)


def _unheard(run: RunData, name: str, times: FloatArray, own: int) -> NDArray[np.bool_]:
    """The times at which a state cannot hear the last loss, for it comes before them."""
    if name == NAME or is_stacked_both_ways(run):
        return np.zeros(times.size, dtype=np.bool_)
    return times < own if own < last_asked(run, times) else times > own


def _recent_losses(run: RunData, options: FigureOptions, name: str) -> list[float | str | None]:
    """What the run's tile says at each column: the mean loss of the last steps until then."""
    frames, _ = over_steps(run, name, layer=options.layer)
    _, columns, _ = pool(frames, frames, 0)
    # The last column is asked at its last step: there it says what the run's row says.
    asked = np.append(columns[:-1], frames[-1:])
    return [finite(mean) for mean in recent_losses(run, asked)]


def _reach_line(run: RunData, tau: int, axes: tuple[str, str]) -> list[Part]:
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


def _axes(run: RunData, name: str, number: str, span: tuple[float, float], *, titled: bool) -> Part:
    """The two axes of one run's map."""
    times = coordinates(run, name, TIME_AXES[name])
    length = int(run.config.get("task", {}).get("length", times[-1] if times.size else 1))
    return {
        f"xaxis{number}": layout.axis(
            "training step",
            range=list(span_of_steps(run, name)),
            anchor=f"y{number}",
            domain=list(span),
            **whole_steps(run, name),
        ),
        f"yaxis{number}": layout.axis(
            "time step t" if titled else "",
            range=[0.5, length + 0.5],
            domain=[0, HEATMAP_TOP],
            anchor=f"x{number}",
            **layout.time_ticks(length),
        ),
    }


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
        "line is where 1 % of the last loss's gradient is left. Where a task asks at many times "
        "the map of all losses looks even, however short each of them reaches; that of the last "
        "loss alone shows how far it is heard."
    ),
    at_a_glance=(
        "Loss on top, its gradient travels down; dark blue is a time step that is not heard."
    ),
    needs=(NAME, "loss", OF_LAST),
    draw=draw,
    runs=(1, 6),
    frames="all",
    chooses=("losses",),
)
