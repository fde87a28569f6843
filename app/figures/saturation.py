"""Share of saturated units at every time step over the training."""

from collections.abc import Sequence

from app.figures import layout
from app.figures.base import FigureDefinition, FigureOptions, RunData, coordinates, over_steps
from app.figures.missing import is_undefined, nothing
from app.figures.picture import Picture
from app.figures.plain_map import plain_traces
from app.figures.pooling import pool
from app.figures.training_axis import span_of_steps, whole_steps

TITLE = "Saturation"
NAME = "saturation"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Time step × training step, from 0 to all units saturated."""
    run = runs[0]
    steps, values = over_steps(run, NAME, layer=options.layer)
    times = coordinates(run, NAME, "time")
    if not values.size:
        return nothing(run, NAME, TITLE)
    if is_undefined(run, NAME):
        words = "This activation cannot saturate: its slope never comes near zero"
        return layout.empty(TITLE, words, figure=NAME)
    values, times, rows = pool(values, times, 1)
    values, steps, columns = pool(values, steps, 0)
    cells = plain_traces(
        values.T,
        steps,
        times,
        limits=(0.0, 1.0),
        hover="step %{x}<br>t = %{y}<br>%{z:.1%} saturated<extra></extra>",
        names={"x": "step", "y": "t", "z": "share saturated"},
    )
    cells[0]["colorbar"]["tickformat"] = ".0%"
    return layout.figure(
        cells,
        {
            "xaxis": layout.axis(
                "training step", range=list(span_of_steps(run, NAME)), **whole_steps(run, NAME)
            ),
            "yaxis": layout.axis("time step t", **layout.time_ticks(int(times[-1]))),
        },
        title=TITLE,
        figure=NAME,
        pooled=max(rows, columns),
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "Bright cells are time steps at which most units stand where their activation is flat, "
        "so that hardly any gradient passes. For ReLU one half is what random weights give."
    ),
    at_a_glance="Bright: most units stand where their activation is flat.",
    needs=(NAME,),
    draw=draw,
    frames="all",
)
