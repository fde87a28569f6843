"""How large the entries of every parameter's gradient are, in one frame."""

from collections.abc import Sequence

import numpy as np

from app.figures import layout
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    RunData,
    coordinates,
    drawn_step,
    plane,
)
from app.figures.lines import label, layers_of
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.plain_map import plain_traces

TITLE = "Entries of the gradients"
NAME = "parameter_gradient_histogram"
# A third of a parameter's entries in one quarter of a decade is the brightest colour.
BRIGHTEST = 1 / 3
SEEN = (-14.0, 4.0)
# From the lower edge of a quarter decade to its middle.
HALF_BIN = 0.125


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Parameter × magnitude, colour = share of the parameter's entries; zeros told apart."""
    run = runs[0]
    counts = plane(run, NAME, step=options.step, layer=options.layer)
    if counts is None:
        return nothing(run, NAME, TITLE)
    edges = coordinates(run, NAME, "bin")
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = np.where(totals > 0, counts / np.where(totals > 0, totals, 1), np.nan)
    # The first bin is exact zeros, the second what is smaller than the first edge, the last the
    # upper tail; quarter decades lie between.
    inner = slice(2, -1)
    log10 = np.log10(edges[inner])
    names = [label(str(one), layers_of(run)) for one in run.slices[NAME].coords["parameter"]]
    rows = np.arange(len(names), dtype=np.float64)
    cells = plain_traces(
        shares[:, inner],
        log10 + HALF_BIN,
        rows,
        limits=(0.0, BRIGHTEST),
        hover="10^%{x:.2f}<br>%{z:.1%} of the entries<extra></extra>",
        names={"x": "log10 |g|", "y": "row", "z": "share of entries"},
    )
    cells[0]["colorbar"]["tickformat"] = ".0%"
    zeros = [
        f"{name}<br>{share:.0%} zero" if share > 0 else name
        for name, share in zip(names, shares[:, 0], strict=True)
    ]
    low, high = SEEN
    return layout.figure(
        cells,
        {
            "xaxis": layout.axis(
                "size of an entry of ∂L/∂P", range=[low, high], **layout.power_ticks(low, high)
            ),
            "yaxis": layout.axis(
                "", tickmode="array", tickvals=rows, ticktext=zeros, range=[len(names) - 0.5, -0.5]
            ),
        },
        title=TITLE,
        figure=NAME,
        step=drawn_step(run, NAME, options.step),
        has_bar=True,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "A row is one parameter: bright where most of its gradient's entries lie. A row far to "
        "the left of V's learns that much more slowly; a broad row has entries that never move "
        "beside others that leap. Exact zeros stand beside the name."
    ),
    at_a_glance="A row is one parameter: bright where most of its gradient's entries lie.",
    needs=(NAME,),
    draw=draw,
)
