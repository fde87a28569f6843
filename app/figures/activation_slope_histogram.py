"""How often each slope φ′(a) occurs in one frame: what the activation does to the gradient."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, palette
from app.figures.activation import kind_of
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    FloatArray,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.missing import nothing
from app.figures.picture import Part, Picture

TITLE = "Activation slope"
NAME = "activation_slope_histogram"
# SCIENCE.md `saturation`: slopes under γ/10.
SATURATED_SHARE_OF_GAMMA = 0.1
# Their slopes never come near zero, so that nothing of them is saturated or not.
NEVER_SATURATED = frozenset({"identity", "leaky_relu"})
# Where the axis of shares may end, in per cent, and the room above that.
TOPS, ROOM = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0), 1.05


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Share of units × time steps in each bin of φ′, the saturated part apart."""
    run = runs[0]
    counts = plane(run, NAME, step=options.step, layer=options.layer)
    edges = coordinates(run, NAME, "bin")
    if counts is None:
        return nothing(run, NAME, TITLE)
    step = drawn_step(run, NAME, options.step)
    summed = np.where(np.isfinite(counts), counts, 0.0).sum(axis=0)
    total = float(summed.sum())
    if not total > 0:
        return layout.empty(TITLE, "No slope is finite at this step", figure=NAME, step=step)
    width = float(edges[1] - edges[0]) if edges.size > 1 else 1.0
    gamma = width * edges.size
    middles = edges + width / 2
    share = 100 * summed / total
    mean = float((middles * summed).sum() / total)
    saturates = kind_of(run.config) not in NEVER_SATURATED
    low = (middles < SATURATED_SHARE_OF_GAMMA * gamma) & saturates
    saturated = float(share[low].sum())
    return layout.figure(
        [
            _bars(
                middles[low],
                share[low],
                width,
                "saturated",
                palette.VANISHING,
                note=f"<br>saturated: φ′ < {SATURATED_SHARE_OF_GAMMA * gamma:g}",
            ),
            _bars(middles[~low], share[~low], width, "slope", palette.BARS),
        ],
        {
            "xaxis": layout.axis("φ′(a)", range=[0, gamma], dtick=gamma / 2),
            "yaxis": layout.axis(
                "share of units × steps, %", range=[0, _top(share)], showgrid=True
            ),
            "bargap": 0,
            "shapes": [_mean_rule(mean)],
            "annotations": _notes(saturated if saturates else None, mean),
        },
        title=TITLE,
        figure=NAME,
        step=step,
        mean=mean,
        saturated=saturated if saturates else None,
    )


def _top(share: FloatArray) -> float:
    """Upper end of the axis: one of a few, so that it rests while a run that goes on changes."""
    peak = float(share.max())
    return ROOM * next((top for top in TOPS if peak <= top), peak)


def _bars(
    middles: object, share: object, width: float, role: str, color: str, *, note: str = ""
) -> Part:
    return {
        "type": "bar",
        "x": middles,
        "y": share,
        "width": width,
        "marker": {"color": color, "line": {"width": 0}},
        "name": role,
        "hovertemplate": f"φ′ near %{{x:.3f}}<br>%{{y:.1f}} %{note}<extra></extra>",
        "meta": {"role": role},
    }


def _mean_rule(mean: float) -> Part:
    return {
        "type": "line",
        "x0": mean,
        "x1": mean,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "name": "mean",
        "line": {"width": 1.6, "dash": "dot", "color": palette.TEXT},
    }


def _notes(saturated: float | None, mean: float) -> list[Part]:
    """Over the plot, where no bar can run through them: the saturated share, and the mean.

    Short, since the narrowest plot has room for some thirty characters; which slopes count as
    saturated the bars say.
    """
    words = "" if saturated is None else f"{round(saturated, 1):g} % saturated"
    over: Part = {"xref": "paper", "yref": "paper", "yanchor": "bottom"}
    return [
        layout.note(words, 0, 1, name="label-saturated", xanchor="left", **over),
        layout.note(f"┊ mean {mean:.2f}", 1, 1, name="label-mean", xanchor="right", **over),
    ]


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Each step back multiplies the gradient by a slope from this heap. Mass at the left end "
        "is saturation (φ′ under a tenth of its largest), where gradients die; mass at the right "
        "end lets them through."
    ),
    at_a_glance="At the left end gradients die.",
    needs=(NAME,),
    draw=draw,
)
