"""Figures: what there is, and each as Plotly's JSON or as a file that needs no network."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal, get_args

import plotly.io
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from app.api.dependencies import StoreOf, json_response
from app.api.schemas import FigureModel, problems
from app.figures import FIGURES, Reader
from app.figures.base import Align, Decades, FigureDefinition, FigureOptions, Losses, Mode
from app.figures.picture import Picture
from app.http_errors import HttpProblem, bad_parameter
from app.wire import to_json

router = APIRouter(tags=["figures"])

# The file is opened from a disk and carries plotly.js itself: it may run that, and reach nothing.
EXPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
# Beyond these a curve of slopes tells nothing more.
MOST_LENGTH: Final = 1000
# What a cache asks for again before it gives it to anybody.
NOT_KEPT: Final = {"Cache-Control": "no-cache"}
# As many as a page shows at once, and some.
MOST_TOGETHER: Final = 16
MOST_AT: Final = 8.0
FIGURE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A Plotly figure, as `plotly.io.from_json` reads it; or an HTML file",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/html": {"schema": {"type": "string"}},
        },
    }
}
FIGURES_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "By name, each a Plotly figure as `plotly.io.from_json` reads it",
        "content": {
            "application/json": {
                "schema": {"type": "object", "additionalProperties": {"type": "object"}}
            }
        },
    }
}
Step = Annotated[str, Query(pattern="^(last|[0-9]{1,9})$", description="Training step, or `last`")]
OneStep = Annotated[int, Field(ge=0, le=999_999_999)]
Layer = Annotated[
    str, Query(pattern="^[0-9]{1,2}r?$", description="Layer, from 0; with r its way backwards")
]
ModeOf = Annotated[Mode, Query(description="Magnitude, or its ratio to the last time asked")]
Range = Annotated[Literal["4", "8", "16"], Query(description="Decades of the colour scale")]
LossesOf = Annotated[
    Losses, Query(description="A map over the training: of all losses, or of the last one alone")
]
AlignOf = Annotated[
    Align, Query(description="Two runs: at one training step, or where each is down to one loss")
]
Format = Annotated[Literal["json", "html"], Query()]
Name = Annotated[str | None, Query(max_length=100, description="One coordinate of this axis")]
Length = Annotated[int, Query(ge=1, le=MOST_LENGTH, description="T of a figure without a run")]
At = Annotated[float, Query(ge=-MOST_AT, le=MOST_AT, description="Pre-activation a of such a one")]


def figure_record(figure: FigureDefinition) -> dict[str, Any]:
    """Return what the API says of a figure."""
    return {
        "name": figure.name,
        "title": figure.title,
        "how_to_read": figure.how_to_read,
        "needs": list(figure.needs),
        "runs": list(figure.runs),
    }


@router.get("/figures", responses={200: {"model": list[FigureModel]}})
def list_figures() -> Response:
    """Return every figure: what it shows, how to read it, what it is drawn from."""
    return json_response([figure_record(figure) for figure in FIGURES.values()])


async def _look(
    step: Step = "last", layer: Layer = "0", mode: ModeOf = "magnitude", range: Range = "8"
) -> FigureOptions:
    """Return how every figure may be looked at."""
    known: dict[str, Decades] = {str(value): value for value in get_args(Decades)}
    return FigureOptions(
        step=None if step == "last" else int(step), layer=layer, mode=mode, range=known[range]
    )


async def _choice(
    look: Annotated[FigureOptions, Depends(_look)],
    parameter: Name = None,
    gate: Name = None,
    losses: LossesOf = "all",
    align: AlignOf = "step",
) -> FigureOptions:
    """Return the same with one coordinate of the axes of which a figure shows one."""
    return replace(look, parameter=parameter, gate=gate, losses=losses, align=align)


Choice = Annotated[FigureOptions, Depends(_choice)]


@router.get("/figures/{name}", responses={**FIGURE_ANSWER, **problems(404)})
def get_figure(
    name: str,
    store: StoreOf,
    choice: Choice,
    run: Annotated[list[str] | None, Query(description="The runs, in their order")] = None,
    of_step: Annotated[
        list[OneStep] | None, Query(description="A step for each run, where not one for all")
    ] = None,
    length: Length = 20,
    at: At = 1.0,
    format: Format = "json",
) -> Response:
    """Return a figure of the runs named, or of none where it needs none."""
    runs, steps = run or [], tuple(of_step or ())
    if steps and len(steps) != len(runs):
        raise bad_parameter(
            "of_step", f"expected one for each of {len(runs)} runs, got {len(steps)}"
        )
    look = replace(choice, steps=steps, step=None) if steps else choice
    seen = replace(look, length=length, at=at)
    return figure_answer(_drawn(Reader(store), name, runs, seen), name, format)


@router.get("/runs/{run_id}/figures", responses={**FIGURES_ANSWER, **problems(404)})
def get_run_figures(
    run_id: str,
    store: StoreOf,
    choice: Choice,
    name: Annotated[
        list[str],
        Query(min_length=1, max_length=MOST_TOGETHER, description="The figures, each once"),
    ],
) -> Response:
    """Return several figures of one run at one moment: what they share is read once."""
    reader = Reader(store)
    parts = (
        to_json(one) + b":" + _drawn(reader, one, [run_id], choice).json()
        for one in dict.fromkeys(name)
    )
    return Response(b"{" + b",".join(parts) + b"}", media_type="application/json", headers=NOT_KEPT)


@router.get("/runs/{run_id}/figures/{name}", responses={**FIGURE_ANSWER, **problems(404)})
def get_run_figure(
    run_id: str, name: str, store: StoreOf, choice: Choice, format: Format = "json"
) -> Response:
    """Return a figure of one run."""
    store.arrays.look(run_id)  # an unknown run is said before an unknown figure
    return figure_answer(_drawn(Reader(store), name, [run_id], choice), name, format)


def _drawn(reader: Reader, name: str, run_ids: list[str], options: FigureOptions) -> Picture:
    definition = FIGURES.get(name)
    if definition is None:
        raise HttpProblem(404, f"unknown figure {name[:60]!r}; known: {', '.join(FIGURES)}")
    fewest, most = definition.runs
    if not fewest <= len(run_ids) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise bad_parameter("run", f"{name} is drawn of {wanted} runs, got {len(run_ids)}")
    return definition.draw(reader.load(run_ids, definition, options), options)


def figure_answer(figure: Picture, name: str, format_: str) -> Response:
    """Return a figure as JSON, or as a file that needs no network."""
    if format_ == "html":
        page = plotly.io.to_html(figure.figure, include_plotlyjs=True, full_html=True)
        return Response(
            page,
            media_type="text/html",
            headers={
                "Content-Security-Policy": EXPORT_POLICY,
                "Content-Disposition": f'attachment; filename="{name}.html"',
                **NOT_KEPT,
            },
        )
    return Response(figure.json(), media_type="application/json", headers=NOT_KEPT)
