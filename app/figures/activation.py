"""Mean hidden state of every unit and time step of one frame."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Picture
from app.figures.plain_map import units_over_time

TITLE = "Hidden state"
NAME = "activation"
# Functions without an upper end are shown up to here, and the colour bar says so.
UNBOUNDED = frozenset({"relu", "leaky_relu", "elu", "softplus", "identity"})
UNBOUNDED_LIMIT = 4.0


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Unit × time step, coloured around 0."""
    end = UNBOUNDED_LIMIT if kind_of(runs[0].config) in UNBOUNDED else 1.0
    return units_over_time(
        runs[0], options, name=NAME, title=TITLE, limits=(-end, end), words="mean h"
    )


def kind_of(config: Mapping[str, Any]) -> str:
    """The kind of a configuration's activation; "None" where the cell has its own."""
    found = config.get("model", {}).get("activation")
    return str(found["kind"] if isinstance(found, Mapping) else found)


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "A row is one unit along the sequence, as a mean over the samples. Rows of one dark "
        "colour are units that stand at the end of their range whatever comes in: their slope is "
        "next to nothing, and so is the gradient through them."
    ),
    at_a_glance="A row is one unit; one dark colour throughout is the end of its range.",
    needs=(NAME,),
    draw=draw,
)
