"""Path terms: what each pair of times contributes to the gradient of one parameter."""

from collections.abc import Sequence

from app.figures.base import FigureDefinition, FigureOptions, RunData, plane
from app.figures.lines import label, layers_of
from app.figures.missing import nothing
from app.figures.picture import Picture
from app.figures.triangle import defined_sides, triangle

TITLE = "Path terms"
NAME = "path_gradient"


def draw(runs: Sequence[RunData], options: FigureOptions) -> Picture:
    """Loss time × state time of the chosen parameter's terms."""
    run = runs[0]
    values = plane(run, NAME, step=options.step, layer=options.layer)
    if values is None:
        return nothing(run, NAME, TITLE)
    parameter = str(run.slices[NAME].coords["parameter"][0])
    return triangle(
        run,
        options,
        values=values[0],
        name=NAME,
        title=TITLE,
        words=f"term of {label(parameter, layers_of(run))}, {parameter}",
        sides=""
        if parameter.startswith("readout")
        else defined_sides(run, backwards=parameter.endswith("_reverse")),
        parameter=parameter,
    )


FIGURE = FigureDefinition(
    name=NAME,
    title=TITLE,
    how_to_read=(
        "The sum for a parameter's gradient, term by term: the loss at t reaches the parameter "
        "through the state k. A row is one line of the sum; its cells left of the diagonal went "
        "through the product of Jacobians. For V there is the diagonal alone."
    ),
    at_a_glance="A row is one line of a parameter's sum: the loss at t, through the state k.",
    needs=(NAME,),
    draw=draw,
    chooses=("parameter",),
)
