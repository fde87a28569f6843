"""Loss over training, with the task's memoryless baseline and the held-out loss."""

import math
from collections.abc import Sequence

import numpy as np

from app.figures import beyond, layout, palette
from app.figures.base import FigureDefinition, FigureOptions, FloatArray, RunData, over_steps
from app.figures.missing import not_yet
from app.figures.picture import Part, Picture
from app.figures.pooling import thin
from app.figures.training_axis import steps_axis

TITLE = "Loss over training"
# How a pointer reads a value, and one that is a log10.
PLAIN, POWER = "%{y:.4g}", "10<sup>%{y:.2f}</sup>"
# Points as few as these are no line: a run that diverged at its second step has one.
FEW = 2
# Decades of room at the ends of an axis that does not hold every step.
ROOM = 0.1


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """One line a run; points that are not finite stand as crosses on the upper rail."""
    traces: list[Part] = []
    losses: list[FloatArray] = []
    for run, color in zip(runs, palette.RUNS, strict=False):
        for name, dash in (("loss", "solid"), ("validation_loss", "dot")):
            steps, values = over_steps(run, name, layer=options.layer)
            losses.append(values.ravel())  # of what is not recorded: empty
            traces += line(steps, values, role=name, name=f"{run.name}: {name}", color=color)
            if traces and steps.size:
                traces[-2]["line"]["dash"] = dash
    if not any(len(trace["x"]) for trace in traces):
        return layout.empty(TITLE, not_yet(runs[0]))
    low, high = beyond.ends(losses)
    end = beyond.end_of_axis(np.concatenate(losses))
    place_rail(traces, end or high)
    shapes, notes = _baseline(runs[0])
    # The dashed line takes part in what the axis spans.
    seen = [low, end or high, *(shape["y0"] for shape in shapes)]
    ranged: Part = {}
    if end is not None:
        ranged = {"range": [math.log10(min(seen)) - ROOM, math.log10(end) + ROOM]}
        for run in runs:
            traces.append(beyond.marks(*over_steps(run, "loss", layer=options.layer), end))
        where = {"xref": "paper", "yref": "paper", "yanchor": "top"}
        notes += beyond.caption(np.concatenate(losses), end, bgcolor=palette.CARD, **where)
    return layout.figure(
        traces,
        {
            "xaxis": steps_axis(runs),
            "yaxis": layout.axis(
                "loss",
                type="log",
                showgrid=True,
                **ranged,
                **layout.round_ticks(min(seen), max(seen), most=5),
            ),
            "shapes": shapes,
            "annotations": notes,
        },
        title=TITLE,
        figure="loss",
    )


def line(
    steps: FloatArray,
    values: FloatArray,
    *,
    role: str,
    name: str,
    color: str,
    yaxis: str = "y",
    value: str = PLAIN,
) -> list[Part]:
    """A thinned line and the crosses for its points that are not finite.

    Args:
        steps: Where there is a value.
        values: As many.
        role: What the page paints it as.
        name: What the legend and the pointer call it.
        color: The light theme's.
        yaxis: Plotly's name of its axis.
        value: How the pointer reads a value.
    """
    xs, ys = thin(steps, values) if steps.size else (steps, np.empty(0))
    gone = ~np.isfinite(ys)
    is_line = ys.size - int(gone.sum()) > FEW
    return [
        {
            "type": "scatter",
            "mode": "lines" if is_line else "lines+markers",
            "x": xs,
            "y": np.where(gone, np.nan, ys),
            "name": name,
            "line": {"width": 1.4, "color": color},
            "hovertemplate": f"%{{fullData.name}}<br>step %{{x}}<br>{value}<extra></extra>",
            "yaxis": yaxis,
            "meta": {"role": role},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": xs[gone],
            "y": np.full(int(gone.sum()), np.nan),
            "name": f"{name}: not finite",
            "text": [str(v) for v in ys[gone]],
            "hovertemplate": "step %{x}<br>%{text}<extra></extra>",
            "marker": {"symbol": "x", "size": 7, "color": palette.NOT_FINITE},
            "yaxis": yaxis,
            "meta": {"role": "nonfinite-points"},
        },
    ]


def place_rail(traces: Sequence[Part], high: float) -> None:
    """Put the crosses of `line` at the upper edge of what is finite."""
    for trace in traces:
        if trace["meta"]["role"] == "nonfinite-points":
            trace["y"] = np.full(len(trace["x"]), high)


def _baseline(run: RunData) -> tuple[list[Part], list[Part]]:
    """A dashed line at the loss of a model without memory."""
    told = run.facts.get("baseline")
    if not told or float(told) <= 0:
        return [], []
    value = float(told)
    rule: Part = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "name": "baseline",
        "line": {"width": 1, "dash": "dash", "color": palette.MUTED},
    }
    words = layout.note(
        f"baseline {value:.3g}",
        1,
        math.log10(value),
        name="label-baseline",
        xref="paper",
        xanchor="right",
        yanchor="bottom",
    )
    return [rule], [words]


FIGURE = FigureDefinition(
    name="loss",
    title=TITLE,
    how_to_read=(
        "A line that stays at the dashed baseline has learned nothing that needs memory; "
        "a pink cross is a loss that is no longer finite."
    ),
    at_a_glance="At the dashed baseline nothing is learned that needs memory.",
    needs=("loss", "validation_loss"),
    draw=draw,
    runs=(1, 6),
    frames="all",
)
