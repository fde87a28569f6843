"""The strip of the loss above a map over the training: its line, its marks and its axis."""

import math

from app.figures import beyond, layout, palette
from app.figures.base import RunData, over_steps
from app.figures.loss import line, place_rail
from app.figures.picture import Part

# The strip above the heatmap, as a share of the height.
STRIP_BOTTOM = 0.85
# Decades of room over and under the loss.
ROOM = 0.08
# The axis begins at one of so many places in a decade.
GRID = 10
# Closer than this share of the strip two ticks would touch.
TICKS_APART = 0.42


def strip(run: RunData, xaxis: str, yaxis: str) -> list[Part]:
    """The line of the loss, its steps beyond the axis where there are any, and its rail."""
    steps, loss = over_steps(run, "loss", layer=0)
    parts = line(steps, loss, role="loss", name="loss", color=palette.TEXT, yaxis=yaxis)
    end = beyond.end_of_axis(loss)
    place_rail(parts, end or beyond.ends([loss])[1])
    if end is not None:
        parts.insert(0, beyond.marks(steps, loss, end, yaxis=yaxis))
    return [{**part, "xaxis": xaxis} for part in parts]


def strip_axis(run: RunData, xaxis: str, *, titled: bool) -> Part:
    """The strip's axis: a true log axis with ticks that do not touch."""
    _, loss = over_steps(run, "loss", layer=0)
    low, high = beyond.ends([loss])
    high = beyond.end_of_axis(loss) or high
    # At tenths of a decade, so that the axis rests while a loss sinks a little under its least one.
    bottom = math.floor((math.log10(low) - ROOM) * GRID) / GRID
    top = math.log10(high) + ROOM
    whole = (low, high) if high > low * 10**ROOM else (10**bottom, 10**top)
    return layout.axis(
        "loss" if titled else "",
        type="log",
        range=[bottom, top],
        domain=[STRIP_BOTTOM, 1],
        anchor=xaxis,
        showgrid=True,
        showline=False,
        ticks="",
        **layout.apart(layout.round_ticks(*whole), TICKS_APART * (top - bottom)),
    )


def strip_caption(run: RunData, xaxis: str, yaxis: str) -> list[Part]:
    """What lies beyond the strip, in words within it; nothing where all is in it."""
    _, loss = over_steps(run, "loss", layer=0)
    end = beyond.end_of_axis(loss)
    if end is None:
        return []
    where = {"xref": f"{xaxis} domain", "yref": f"{yaxis} domain", "yanchor": "top"}
    return beyond.caption(loss, end, bgcolor=palette.CARD, **where)
