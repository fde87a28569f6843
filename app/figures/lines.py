"""Lines over the training, one for each name, with rails for what a log axis cannot hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.figures import layout, palette
from app.figures.base import FigureOptions, FloatArray, RunData, over_steps
from app.figures.loss import PLAIN, POWER, line
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.training_axis import steps_axis

# Room above and below a line, in units of its axis.
MARGIN = 0.2
LEGEND: Mapping[str, Any] = {
    "orientation": "h",
    "x": 0,
    "y": 1,
    "yanchor": "bottom",
    "font": {"size": layout.AXIS_SIZE},
}

Series = tuple[str, FloatArray, FloatArray]


def many(
    series: Sequence[Series], *, yaxis: str = "y", value: str = PLAIN
) -> tuple[list[Part], tuple[float, float]]:
    """The lines with their rails, and the ends of their axis.

    What is −inf (an exact zero of a log10) stands on the lower edge, what is not finite in truth
    on the upper one.
    """
    finite = [values[np.isfinite(values)] for _, _, values in series]
    seen = np.concatenate([*finite, np.empty(0)])
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (-1.0, 1.0)
    low, high = low - MARGIN, high + MARGIN
    parts: list[Part] = []
    for (name, steps, values), color in zip(series, _colors(len(series)), strict=True):
        drawn = line(steps, values, role="line", name=name, color=color, yaxis=yaxis, value=value)
        for part in drawn:
            part["showlegend"] = part["meta"]["role"] == "line"
            if not part["showlegend"]:
                zero = [word == "-inf" for word in part["text"]]
                part["y"] = np.where(zero, low, high) if zero else np.empty(0)
                part["text"] = ["exact zero" if z else "not finite" for z in zero]
            parts.append(part)
    return parts, (low, high)


def _colors(count: int) -> list[str]:
    return [palette.RUNS[i % len(palette.RUNS)] for i in range(count)]


def parameter_lines(
    run: RunData, options: FigureOptions, *, name: str, title: str, ytitle: str
) -> Picture:
    """A log10 of each parameter over the training."""
    steps, values = over_steps(run, name, layer=options.layer)
    if not values.size:
        return nothing(run, name, title)
    if np.isnan(values[-1]).all():
        # After the last step there is no update: nothing was recorded, nothing went wrong.
        steps, values = steps[:-1], values[:-1]
    names = [str(one) for one in run.slices[name].coords["parameter"]]
    series = [(label(one, layers_of(run)), steps, values[:, i]) for i, one in enumerate(names)]
    parts, (low, high) = many(series, value=POWER)
    return layout.figure(
        parts,
        {
            "xaxis": steps_axis([run]),
            "yaxis": layout.axis(
                ytitle, range=[low, high], showgrid=True, **layout.power_ticks(low, high)
            ),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=title,
        figure=name,
        log10=True,
    )


def label(parameter: str, layers: int = 1) -> str:
    """A parameter as figures call it: the seeds' letter where it has one, and the layer.

    Example:
        >>> label("weight_hh_l0"), label("readout.weight"), label("nu_log_l0")
        ('W', 'V', 'nu_log')
        >>> label("weight_ih_l1", layers=2), label("weight_hh_l0_reverse")
        ('U, layer 1', 'W backwards')
    """
    letters = {"weight_ih": "U", "weight_hh": "W", "bias_ih": "b", "bias_hh": "b_hn"}
    letters |= {"readout.weight": "V", "readout.bias": "b_y"}
    forwards = parameter.removesuffix("_reverse")
    stem, _, layer = forwards.rpartition("_l")
    if not layer.isdigit():
        return letters.get(parameter, parameter)
    letter = letters.get(stem, stem) + ("" if forwards == parameter else " backwards")
    return letter if layers == 1 else f"{letter}, layer {layer}"


def layers_of(run: RunData) -> int:
    """How many layers a run's network has."""
    return int(run.config.get("model", {}).get("layers", 1))
