"""Gradient magnitude by time step, a column for each run: one activation beside another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.figures import layout
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    last_asked,
    plane,
    top_layer,
)
from app.figures.heatmap import Cells, colorbar, traces
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.pooling import pool

TITLE = "Gradient by activation function"
NAME = "activation_comparison"
NORM = "hidden_gradient_norm"
LAST_LOSS = "last_loss_gradient"
HOVER = "%{customdata}<br>t = %{y}<br>log10 %{z:.2f}<extra></extra>"
# So many letters of a name fit under one of six columns.
LONGEST = 18
GATED = {"lstm": "LSTM", "gru": "GRU"}


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """One column a run, time upward, colour = log10 of the gradient norm."""
    shown = [
        run for run in runs if plane(run, NORM, step=options.step, layer=options.layer) is not None
    ]
    if not shown:
        return nothing(runs[0], NORM, TITLE, figure=NAME)
    columns = [_column(run, options) for run in shown]
    times = np.unique(np.concatenate([times for times, _, _ in columns]))
    z, undefined = _aligned(columns, times)
    missing = np.where(undefined, -np.inf, z)
    z, rows, block = pool(missing, times, 0)
    # A block is empty where no time in it is a run's own.
    undefined = pool(-undefined.astype(np.float64), times, 0)[0] == -1
    names = labels(shown)
    heading = "run" if any("<br>" in name for name in names) else "activation"
    cells = Cells(
        z=np.where(undefined, np.nan, z),
        x=np.arange(len(shown), dtype=np.float64),
        y=rows,
        reference=np.array([reference for _, _, reference in columns]),
        along="x",
        undefined=undefined,
    )
    parts = traces(cells, options, hover=HOVER, xgap=2)
    parts[0]["customdata"] = [[name.replace("<br>", ", ") for name in names]] * rows.size
    parts[0] |= {"showscale": True, "colorbar": colorbar(options, "log10 ‖dℓ/dh‖")}
    length = int(times[-1])
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis(
                heading if block == 1 else f"{heading} (largest of {block} times in each cell)",
                range=[-0.5, len(shown) - 0.5],
                tickmode="array",
                tickvals=list(range(len(shown))),
                ticktext=list(names),
                ticks="",
            ),
            "yaxis": layout.axis(
                "time step t", range=[0.5, length + 0.5], **layout.time_ticks(length)
            ),
            "annotations": [_span(i, run, options.step) for i, run in enumerate(shown)],
        },
        title=TITLE,
        figure=NAME,
        pooled=block,
        steps=[drawn_step(run, NORM, options.step) for run in shown],
        runs=[run.id for run in shown],
    )


def labels(runs: Sequence[RunData]) -> tuple[str, ...]:
    """The activation of each run; where some are alike, what parts the runs' names under it."""
    words = [_activation(run.config.get("model", {})) for run in runs]
    names = apart([run.name for run in runs])
    return tuple(
        word if words.count(word) == 1 else f"{word}<br>{layout.shortened(name, LONGEST)}"
        for word, name in zip(words, names, strict=True)
    )


def apart(names: Sequence[str]) -> list[str]:
    """Names without the words that all begin with; whole where one would be left with nothing.

    Example:
        >>> apart(["Lesson: exploding, clipped", "Lesson: exploding, not clipped"])
        ['clipped', 'not clipped']
    """
    split = [name.split() for name in names]
    same = 0
    while all(len(each) > same for each in split) and len({each[same] for each in split}) == 1:
        same += 1
    left = [" ".join(each[same:]) for each in split]
    return left if all(left) and len(names) > 1 else list(names)


def _activation(model: Mapping[str, Any]) -> str:
    cell = str(model.get("cell", ""))
    if cell in GATED:
        return GATED[cell]
    activation = model.get("activation")
    if isinstance(activation, Mapping):
        return f"{activation.get('kind', '')} {activation.get('slope', '')}".strip()
    return str(activation or cell)


def _column(run: RunData, options: FigureOptions) -> tuple[FloatArray, FloatArray, float]:
    """Times, log10 norms, and the value at the last time asked."""
    values = plane(run, NORM, step=options.step, layer=options.layer)
    times = coordinates(run, NORM, "time")
    row = np.empty(0) if values is None else values
    at = int(np.searchsorted(times, last_asked(run, times)).clip(0, times.size - 1))
    return times, row, float(row[at])


def _aligned(
    columns: Sequence[tuple[FloatArray, FloatArray, float]], times: FloatArray
) -> tuple[FloatArray, Any]:
    """Put columns of different lengths on one time axis; where a run has no time, nothing."""
    z = np.full((times.size, len(columns)), np.nan)
    undefined = np.ones(z.shape, dtype=bool)
    for index, (own, row, _) in enumerate(columns):
        rows = np.searchsorted(times, own)
        z[rows, index] = row
        undefined[rows, index] = False
    return z, undefined


def _span(index: int, run: RunData, step: int | None) -> Part:
    """The span that the verdict is on, over the column: of the last loss, in the top layer."""
    row = plane(run, LAST_LOSS, step=step, layer=top_layer(run))
    times = coordinates(run, LAST_LOSS, "state_time")
    words = "–"  # noqa: RUF001
    if row is not None:
        at = int(np.searchsorted(times, last_asked(run, times)).clip(0, times.size - 1))
        first, reference = row[0], row[at]
        left = first - reference if np.isfinite(first) and np.isfinite(reference) else np.nan
        gone = "0" if np.isneginf(first) and np.isfinite(reference) else "not finite"
        words = layout.plain_power(left) or layout.power(left) if np.isfinite(left) else gone
    return layout.note(words, index, 1, name="span", yref="paper", yanchor="bottom")


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "One column is one run, such as one activation function on the same task: the loss sits "
        "at the top, its gradient travels down. The column that stays bright to the bottom "
        "remembers; the number over it is the verdict's: what is left at the first time step of "
        "what the last loss alone sends back."
    ),
    at_a_glance="One column is one run: what stays pale to the bottom remembers.",
    needs=(NORM, LAST_LOSS),
    draw=draw,
    runs=(1, 8),
)
