"""Global gradient norm before clipping, and what clipping left of it."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, palette
from app.figures.base import FigureDefinition, FigureOptions, FloatArray, RunData, over_steps
from app.figures.loss import POWER, line
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.training_axis import steps_axis

TITLE = "Gradient norm of the update"
NAME = "gradient_norm"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 of the norm at every training step, the clip factor in a strip below."""
    traces: list[Part] = []
    heights: list[float] = []
    for run, color in zip(runs, palette.RUNS, strict=False):
        steps, norms = over_steps(run, NAME, layer=options.layer)
        if not norms.size:
            continue
        finite = norms[np.isfinite(norms)]
        heights += [float(finite.min()), float(finite.max())] if finite.size else []
        traces += line(steps, norms, role="norm", name=run.name, color=color, value=POWER)
        steps, factors = over_steps(run, "clip_factor", layer=options.layer)
        traces += line(steps, factors, role="clip", name="clip factor", color=color, yaxis="y2")
    if not traces:
        return nothing(runs[0], NAME, TITLE)
    low, high = (min(heights) - 0.2, max(heights) + 0.2) if heights else (-1.0, 1.0)
    for trace in traces:
        _rail(trace, low, high)
    return layout.figure(
        traces,
        {
            "xaxis": steps_axis(runs, anchor="y2"),
            "yaxis": layout.axis(
                "‖∂L/∂θ‖₂",
                range=[low, high],
                domain=[0.32, 1],
                showgrid=True,
                **layout.power_ticks(low, high),
            ),
            "yaxis2": layout.axis(
                "clip factor", range=[0, 1.05], domain=[0, 0.22], showgrid=True, nticks=3
            ),
        },
        title=TITLE,
        figure=NAME,
    )


def _rail(trace: Part, low: float, high: float) -> None:
    """Exact zeros stand on the lower edge, what is not finite on the upper one."""
    if trace["meta"]["role"] != "nonfinite-points" or trace["yaxis"] == "y2":
        return
    zero = np.asarray([text == "-inf" for text in trace["text"]], dtype=bool)
    heights: FloatArray = np.where(zero, low, high) if zero.size else np.empty(0)
    trace["y"] = heights
    trace["text"] = ["exact zero" if z else t for z, t in zip(zero, trace["text"], strict=True)]


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Spikes of decades are explosions; where the clip factor stands under 1 the update was "
        "shortened by that much."
    ),
    at_a_glance="Spikes of decades are explosions.",
    needs=(NAME, "clip_factor"),
    draw=draw,
    runs=(1, 6),
    frames="all",
)
