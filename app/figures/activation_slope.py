"""Mean slope φ′ of every unit and time step of one frame."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Picture
from app.figures.plain_map import units_over_time
from app.figures.theory import gamma

TITLE = "Slope of every unit"
NAME = "activation_slope"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Unit × time step, from 0 to γ."""
    end = gamma(runs[0].config) or 1.0
    return units_over_time(
        runs[0], options, name=NAME, title=TITLE, limits=(0.0, end), words="mean φ′"
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Each step back multiplies a unit's gradient by its slope. Dark rows are units that let "
        "nothing through: saturated ones, or ReLUs that are off for every sample; bright ones "
        "pass it at the activation's full slope γ."
    ),
    at_a_glance="Dark rows are units that let nothing through.",
    needs=(NAME,),
    draw=draw,
)
