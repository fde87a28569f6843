"""Mean of one gate for every unit and time step of one frame."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.picture import Picture
from app.figures.plain_map import units_over_time

TITLE = "Gate"
NAME = "gate"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Unit × time step of the chosen gate, on one scale for gates and candidates."""
    found = runs[0].slices.get(NAME)
    gates = [str(one) for one in found.coords["gate"]] if found is not None else []
    word = f"gate {gates[0]}" if gates else "gate"
    return units_over_time(
        runs[0], options, name=NAME, title=TITLE, limits=(-1.0, 1.0), words=word, gates=gates
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "1 is open, 0 is shut; a candidate runs from −1 to 1. Along the LSTM's cell state a "
        "gradient is multiplied by the forget gate f at every step: rows near 1 are units that "
        "remember. In a GRU z near 1 keeps the old state."
    ),
    at_a_glance="1 is open, 0 is shut; the LSTM's gradient is multiplied by f at every step.",
    needs=(NAME,),
    draw=draw,
    chooses=("gate",),
)
