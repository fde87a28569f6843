"""Norm of the product of Jacobians from the last state back, beside its bound, in one frame."""

from collections.abc import Sequence

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
from app.figures.lines import LEGEND, MARGIN
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.pooling import thin

TITLE = "Product of Jacobians"
NAME = "jacobian_product_norm"
BOUND = "jacobian_product_bound"
# The axis ends within so many decades of 1: a bound may lie a thousand of them away.
MOST_DECADES = 40.0
LEAST_DECADES = 2.0


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 ‖∂s_T/∂s_k‖₂ over the distance T − k, and the bound where each step has one."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, NAME, TITLE)
    times = coordinates(run, NAME, "time")
    distances, curve = thin((times[-1] - times)[::-1], values[::-1])
    finite = curve[np.isfinite(curve)]
    reach = float(np.abs(finite).max()) if finite.size else 1.0
    end = min(max(reach * 1.1, LEAST_DECADES), MOST_DECADES)
    low = float(max(finite.min(initial=0.0), -MOST_DECADES)) - MARGIN * end
    high = float(min(finite.max(initial=0.0), MOST_DECADES)) + MARGIN * end
    parts = [_curve(distances, curve), *_rails(distances, curve, (low, high))]
    bound = plane(run, BOUND, step=options.step, layer=options.layer)
    if bound is not None and np.isfinite(bound).any():
        parts.append(_bound(*thin((times[-1] - times)[::-1], bound[::-1])))
    return layout.figure(
        parts,
        {
            "xaxis": layout.axis("distance T − k", range=[0, max(distances[-1], 1)], showgrid=True),
            "yaxis": layout.axis(
                "‖∂s<sub>T</sub>/∂s<sub>k</sub>‖₂",
                range=[low, high],
                showgrid=True,
                **layout.power_ticks(low, high),
            ),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        log10=True,
    )


def _curve(distances: FloatArray, curve: FloatArray) -> Part:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": distances,
        "y": np.where(np.isfinite(curve), curve, np.nan),
        "name": "measured",
        "line": {"width": 2.4, "color": palette.VANISHING},
        "hovertemplate": "T − k = %{x}<br>10<sup>%{y:.2f}</sup><extra></extra>",
        "meta": {"role": "measured"},
    }


def _bound(distances: FloatArray, bound: FloatArray) -> Part:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": distances,
        "y": np.where(np.isfinite(bound), bound, np.nan),
        "name": "bound β<sup>T−k</sup>",
        "line": {"width": 1.6, "dash": "dash", "color": palette.EXPLODING},
        "hovertemplate": "T − k = %{x}<br>bound: 10<sup>%{y:.2f}</sup><extra></extra>",
        "meta": {"role": "bound"},
    }


def _rails(distances: FloatArray, curve: FloatArray, ends: tuple[float, float]) -> list[Part]:
    """Exact zeros on the lower edge, what is not finite on the upper one."""
    zero = np.isneginf(curve)
    gone = ~np.isfinite(curve) & ~zero
    kinds = ((zero, "zero-points", "exact zero", 0), (gone, "nonfinite-points", "not finite", 1))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": distances[where],
            "y": np.full(int(where.sum()), ends[end]),
            "name": words,
            "showlegend": False,
            "marker": {"symbol": "x", "size": 7, "color": palette.MUTED},
            "hovertemplate": f"T − k = %{{x}}<br>{words}<extra></extra>",
            "meta": {"role": role},
        }
        for where, role, words, end in kinds
    ]


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "What becomes of a small change of the state k, seen at the end T, in its best direction: "
        "a straight line down is exponential vanishing. The measured line may never pass its "
        "bound; where the bound itself falls, no training of the same weights can help."
    ),
    at_a_glance="A straight line down is vanishing.",
    needs=(NAME, BOUND),
    draw=draw,
)
