"""Geometry of one gate's recurrent weights over the training."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from app.figures import layout, palette
from app.figures.base import FigureDefinition, FigureOptions, RunData, over_steps
from app.figures.lines import LEGEND, many
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.theory import critical_norm
from app.figures.training_axis import steps_axis

TITLE = "Geometry of the recurrent weights"
NAME = "weight_geometry"
# What multiplies a gradient stands above, how far W is from a rotation below.
UPPER = ("spectral_radius", "largest_singular_value")
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "spectral_radius": "ρ(W)",
        "largest_singular_value": "σ<sub>max</sub>(W)",
        "distance_from_orthogonal": "‖WᵀW − I‖",
        "departure_from_normality": "from normal",
    }
)


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Radius and norm over a line at 1/γ; below, the distances from orthogonal and normal."""
    run = runs[0]
    steps, values = over_steps(run, NAME, layer=options.layer)
    if not values.size:
        return nothing(run, NAME, TITLE)
    found = run.slices[NAME].coords
    gate, quantities = str(found["gate"][0]), [str(one) for one in found["quantity"]]
    lines = [(name, values[:, 0, i]) for i, name in enumerate(quantities)]
    upper, above = many([(WORDS[n], steps, v) for n, v in lines if n in UPPER])
    lower, below = many([(WORDS[n], steps, v) for n, v in lines if n not in UPPER], yaxis="y2")
    for part, color in zip(lower[::2], palette.RUNS[2:4], strict=True):
        part["line"]["color"] = color
    critical = critical_norm(run.config)
    top = (min(above[0], 0.0), max(above[1], 1.1 * (critical or 1.0)))
    return layout.figure(
        [*upper, *lower],
        {
            "xaxis": steps_axis([run], anchor="y2"),
            "yaxis": layout.axis(
                f"of W, gate {gate}" if gate != "h" else "of W",
                range=list(top),
                domain=[0.5, 1],
                showgrid=True,
                nticks=4,
            ),
            "yaxis2": layout.axis(
                "distance",
                range=[min(below[0], 0.0), below[1]],
                domain=[0, 0.4],
                showgrid=True,
                nticks=4,
            ),
            "shapes": [] if critical is None else [_rule(critical)],
            "annotations": [] if critical is None else [_named(critical)],
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
        gate=gate,
        critical=critical,
    )


def _rule(height: float) -> Part:
    ends = {"xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height}
    rule = {"width": 1, "dash": "dash", "color": palette.MUTED}
    return {"type": "line", "name": "baseline", "line": rule, **ends}


def _named(height: float) -> Part:
    where = {"xref": "paper", "xanchor": "right", "yanchor": "bottom"}
    words = f"1/γ = {np.round(height, 3):g}"
    return layout.note(words, 1, height, name="label-baseline", **where)


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "With the largest singular value under the dashed 1/γ the gradient must vanish; a "
        "spectral radius above it makes an explosion possible. Far from normal, a gradient may "
        "grow for many steps before the radius has its say."
    ),
    at_a_glance="Under the dashed 1/γ the gradient must vanish.",
    needs=(NAME,),
    draw=draw,
    frames="all",
    chooses=("gate",),
)
