"""What clipping does: the gradient's norm before and after it, and the share of clipped steps."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout, palette
from app.figures.base import FigureDefinition, FigureOptions, FloatArray, RunData, over_steps
from app.figures.lines import LEGEND, many
from app.figures.loss import POWER, line
from app.figures.missing import nothing
from app.figures.picture import Part, Picture
from app.figures.training_axis import steps_axis

TITLE = "Clipping"
NAME = "clipping"
NORM = "gradient_norm"
FACTOR = "clip_factor"
# The share at a step is that of so many steps up to it.
WINDOW = 100


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """log10 of the norm before and after, the threshold, and the share in a strip below."""
    run = runs[0]
    steps, before = over_steps(run, NORM, layer=options.layer)
    _, factors = over_steps(run, FACTOR, layer=options.layer)
    if not before.size or factors.shape != before.shape:
        return nothing(run, FACTOR, TITLE, figure=NAME)
    # ‖clipped‖ = factor · ‖g‖; a factor of 0 sends the update to exactly nothing, but where the
    # norm is infinite: c/∞ of ∞ is not a number.
    with np.errstate(divide="ignore", invalid="ignore"):
        after = before + np.log10(factors)
    parts, (low, high) = many([("before", steps, before), ("after", steps, after)], value=POWER)
    share = clipped_share(factors)
    strip = line(
        steps, 100 * share, role="share-line", name="clipped", color=palette.MUTED, yaxis="y2"
    )[0]
    parts.append({**strip, "showlegend": False})
    return layout.figure(
        parts,
        {
            "xaxis": steps_axis([run], anchor="y2"),
            "yaxis": layout.axis(
                "‖g‖₂",
                range=[low, high],
                domain=[0.34, 1],
                showgrid=True,
                **layout.power_ticks(low, high),
            ),
            "yaxis2": layout.axis(
                "clipped, %", range=[-4, 104], domain=[0, 0.22], showgrid=True, dtick=50
            ),
            "shapes": _threshold(run.config.get("training", {}).get("clipping")),
            "showlegend": True,
            "legend": dict(LEGEND),
        },
        title=TITLE,
        figure=NAME,
        log10=True,
        clipped=float(share[-1]),
    )


def clipped_share(factors: FloatArray) -> FloatArray:
    """Share of the last 100 steps (of all where there are fewer) that were shortened, per step."""
    was_clipped = np.concatenate([[0.0], np.cumsum(factors < 1)])
    ends = np.arange(1, factors.size + 1)
    starts = np.maximum(ends - WINDOW, 0)
    return np.asarray((was_clipped[ends] - was_clipped[starts]) / (ends - starts))


def _threshold(clipping: object) -> list[Part]:
    """A rule at the threshold of clipping by the global norm; other kinds have none to draw."""
    if not isinstance(clipping, dict) or clipping.get("kind") != "norm":
        return []
    if clipping.get("scope", "global") != "global":
        return []
    height = float(np.log10(clipping["threshold"]))
    rule = {"width": 1, "dash": "dash", "color": palette.MUTED}
    ends = {"xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height}
    return [{"type": "line", "name": "baseline", "line": rule, **ends}]


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Where the two lines part an update was shortened to the dashed threshold. Clipping now "
        "and then catches explosions; a share near 100 % means that the threshold, and no longer "
        "the gradient, sets the length of every step."
    ),
    at_a_glance="Where the lines part, an update was shortened to the dashed threshold.",
    needs=(NORM, FACTOR),
    draw=draw,
    frames="all",
)
