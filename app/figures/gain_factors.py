"""By what factors a gradient is multiplied at each step back, in one frame."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from app.figures import layout, palette
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.lines import LEGEND
from app.figures.missing import nothing
from app.figures.picture import Part, Picture

TITLE = "Gain at each step back"
NAME = "gain_factors"
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "slope": ("slope φ′", palette.RUNS[0]),
        "weights": ("weights", palette.RUNS[1]),
        "carry": ("carry", palette.RUNS[2]),
        "recurrent": ("recurrent", palette.RUNS[3]),
        "arriving": ("arriving", palette.RUNS[4]),
    }
)
# Ends of the axis: as many factors of e as a step can bring before the picture says no more.
ENDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
# A bar is drawn for so many time steps at most; above, blocks are averaged and said to be.
MOST_BARS = 200
# The sum's points are marked where there is room between them.
MOST_MARKED = 60


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """A stack of natural logarithms at every time step, and their sum as a line."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, NAME, TITLE)
    times = coordinates(run, NAME, "time")
    factors = [str(one) for one in run.slices[NAME].coords["factor"]]
    values, times, block = averaged(values, times)
    total = values.sum(axis=1)
    bars = [_bars(times, values[:, i], one) for i, one in enumerate(factors)]
    shown = [bar for bar, column in zip(bars, values.T, strict=True) if np.any(column != 0)]
    end = _end(values)
    lost = ~np.isfinite(total)
    note = f"mean of {block} in each bar" if block > 1 else ""
    return layout.figure(
        [*shown, _total(times, total), *_lost(times[lost], end)],
        {
            "barmode": "relative",
            "bargap": 0.1,
            "xaxis": layout.axis(
                "step from t back to t − 1", **layout.time_ticks(int(times[-1]), most=8)
            ),
            "yaxis": layout.axis("ln of the factor", range=[-end, end], showgrid=True, nticks=5),
            "shapes": [_one()],
            "annotations": [_note(note)] if note else [],
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        pooled=block,
    )


def averaged(values: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    """Means over blocks of time steps, so that no more bars than a screen can show are drawn."""
    block = -(-times.size // MOST_BARS)
    if block <= 1:
        return values, times, 1
    starts = np.arange(0, times.size, block)
    counts = np.diff(np.append(starts, times.size))
    with np.errstate(invalid="ignore"):
        means = np.add.reduceat(values, starts, axis=0) / counts[:, np.newaxis]
    return means, np.add.reduceat(times, starts) / counts, block


def _bars(times: FloatArray, column: FloatArray, factor: str) -> Part:
    name, color = WORDS[factor]
    finite = np.where(np.isfinite(column), column, np.nan)
    with np.errstate(over="ignore"):  # where nothing was left, what arrives is beyond any number
        factors = np.exp(finite)
    return {
        "type": "bar",
        "x": times,
        "y": finite,
        "name": name,
        "customdata": factors,
        "marker": {"color": color, "line": {"width": 0}},
        "hovertemplate": f"t = %{{x}}<br>{name} × %{{customdata:.3g}}<extra></extra>",
        "meta": {"role": "factor"},
    }


def _total(times: FloatArray, total: FloatArray) -> Part:
    return {
        "type": "scatter",
        "mode": "lines+markers" if times.size < MOST_MARKED else "lines",
        "x": times,
        "y": np.where(np.isfinite(total), total, np.nan),
        "name": "gain",
        "line": {"width": 1.6, "color": palette.TEXT},
        "marker": {"size": 4},
        "hovertemplate": "t = %{x}<br>gain: ln %{y:.3f}<extra></extra>",
        "meta": {"role": "norm"},
    }


def _lost(times: FloatArray, end: float) -> list[Part]:
    """Crosses on the lower edge where no sample has a gain: a gradient of exactly zero."""
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": times,
            "y": np.full(times.size, -end),
            "name": "no gain defined",
            "showlegend": False,
            "marker": {"symbol": "x", "size": 6, "color": palette.NOT_FINITE},
            "hovertemplate": "t = %{x}<br>no sample has a finite gain here<extra></extra>",
            "meta": {"role": "nonfinite-points"},
        }
    ]


def _end(values: FloatArray) -> float:
    """The narrowest of the fixed ends that holds every stack."""
    finite = np.where(np.isfinite(values), values, 0.0)
    stacks = (np.maximum(finite, 0).sum(axis=1), -np.minimum(finite, 0).sum(axis=1))
    tallest = max((float(stack.max()) for stack in stacks if stack.size), default=0.0)
    return next((end for end in ENDS if tallest <= end), ENDS[-1])


def _one() -> Part:
    """The line of a factor of 1: above it a gradient grows, below it fades."""
    rule = {"width": 1, "color": palette.MUTED}
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0,
        "name": "baseline", "line": rule,
    }  # fmt: skip


def _note(words: str) -> Part:
    where = {"xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
    return layout.note(words, 1, 1, name="pooled", **where)


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Each stack multiplies to what one step back does to the gradient; 0 is a factor of 1. "
        "A deep slope part is saturation, a deep weights part small weights: the part that "
        "reaches furthest down is what makes the gradient vanish. Arriving is what losses on the "
        "way add."
    ),
    at_a_glance="What one step back does to the gradient, factor by factor; 0 is a factor of 1.",
    needs=(NAME,),
    draw=draw,
)
