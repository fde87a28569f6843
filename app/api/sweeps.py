"""Sweeps: grids of runs, and what they came to over two axes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.bodies import object_of
from app.api.dependencies import IdempotencyKey, JsonBody, StoreOf, SweepsOf, json_response
from app.api.figures import FIGURE_ANSWER, Format, figure_answer
from app.api.runs import moment
from app.api.schemas import body_of, problems
from app.api.sweep_schemas import MatrixModel, SweepModel, SweepPageModel
from app.figures import success_by_lag, sweep_matrix
from app.http_errors import HttpProblem, bad_parameter
from app.runs.grids import KEYS, axis_label, value_label
from app.runs.states import TERMINAL
from app.runs.sweep_results import VALUES, axes_of, matrix, values_of
from app.runs.sweep_results import success_by_lag as lag_points
from app.runs.sweeps import status_of
from app.store import Store, Sweep, Tally

router = APIRouter(prefix="/sweeps", tags=["sweeps"])

Across = Annotated[
    str | None, Query(description="An axis; left out: the first", examples=["model.activation"])
]
Up = Annotated[
    str | None,
    Query(description="Another axis; left out: the first that is not x", examples=["task.length"]),
]
ValueOf = Annotated[
    str,
    Query(
        description=f"What is compared: {', '.join(VALUES)}",
        json_schema_extra={"enum": list(VALUES)},
    ),
]


def summary_record(sweep: Sweep, tallies: dict[str, Tally]) -> dict[str, Any]:
    """Return a sweep as lists of the API show it."""
    return {
        "id": sweep.id,
        "name": sweep.name,
        "status": status_of(tallies),
        "axes": sweep.axes,
        "repeats": sweep.repeats,
        "progress": {
            "runs": sum(each.runs for each in tallies.values()),
            "over": sum(each.runs for status, each in tallies.items() if status in TERMINAL),
            "step": sum(each.step for each in tallies.values()),
            "steps": sum(each.steps for each in tallies.values()),
        },
        "statuses": {status: each.runs for status, each in tallies.items()},
        "created_at": moment(sweep.created_at),
    }


def sweep_record(store: Store, sweep: Sweep) -> dict[str, Any]:
    """Return a sweep as the API shows it."""
    runs = [
        {
            "id": member.run.id,
            "values": values_of(sweep, member.cell),
            "seed": member.run.config["seed"],
            "status": member.run.status,
            "final_loss": member.run.final_loss,
        }
        for member in store.sweeps.members(sweep.id)
    ]
    skipped = [{"values": each["values"], "reason": each["reason"]} for each in sweep.skipped]
    summary = summary_record(sweep, store.sweeps.tallies([sweep.id])[sweep.id])
    return {**summary, "base": sweep.base, "runs": runs, "skipped": skipped}


@router.post(
    "",
    status_code=201,
    responses={
        201: {"model": SweepModel, "description": "The sweep; `Location` is its address"},
        200: {"model": SweepModel, "description": "The sweep that this key made before"},
        **problems(413, 415, 429),
    },
    openapi_extra=body_of("SweepRequest"),
)
def create_sweep(
    body: JsonBody,
    sweeps: SweepsOf,
    store: StoreOf,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Queue a run of every combination, or none at all where the request is refused.

    Combinations that cannot be run are listed under `skipped` with the reason.
    """
    grid = object_of(body, KEYS, required=("base", "axes"))
    sweep, created = sweeps.create(grid, idempotency_key)
    headers = {"Location": f"/api/v1/sweeps/{sweep.id}"}
    return json_response(sweep_record(store, sweep), 201 if created else 200, headers)


@router.get("", responses={200: {"model": SweepPageModel}, **problems(410)})
def list_sweeps(
    store: StoreOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
) -> Response:
    """List sweeps, the newest first; `next_cursor` is null on the last page."""
    found, next_cursor = store.sweeps.page(limit=limit, cursor=cursor)
    tallies = store.sweeps.tallies([sweep.id for sweep in found])
    items = [summary_record(sweep, tallies[sweep.id]) for sweep in found]
    return json_response({"items": items, "next_cursor": next_cursor})


@router.get("/{sweep_id}", responses={200: {"model": SweepModel}, **problems(404)})
def get_sweep(sweep_id: str, store: StoreOf) -> Response:
    """Return a sweep with its runs."""
    return json_response(sweep_record(store, store.sweeps.get(sweep_id)))


@router.post(
    "/{sweep_id}/cancel",
    status_code=202,
    responses={202: {"model": SweepModel}, **problems(404, 409)},
)
def cancel_sweep(sweep_id: str, sweeps: SweepsOf, store: StoreOf) -> Response:
    """Stop every run of a sweep that is not over. Again 202 where that is done already."""
    return json_response(sweep_record(store, sweeps.cancel(sweep_id)), 202)


@router.delete("/{sweep_id}", status_code=204, responses=problems(404, 409))
def delete_sweep(
    sweep_id: str,
    sweeps: SweepsOf,
    runs: Annotated[
        bool, Query(description="Its runs go with it; refused while one of them is not over")
    ] = False,
) -> Response:
    """Delete a sweep. Its runs stay as runs of their own, unless they are to go with it."""
    sweeps.delete(sweep_id, with_runs=runs)
    return Response(status_code=204)


@router.get("/{sweep_id}/matrix", responses={200: {"model": MatrixModel}, **problems(404)})
def get_matrix(
    sweep_id: str,
    store: StoreOf,
    x: Across = None,
    y: Up = None,
    value: ValueOf = "final_loss",
) -> Response:
    """Return median and band of a value over two axes; seeds and other axes fall together."""
    sweep = store.sweeps.get(sweep_id)
    x, y = asked(sweep, x, y, value)
    cells = matrix(sweep, store.sweeps.members(sweep_id), x, y, value)

    def each(name: str) -> list[list[Any]]:
        return [[getattr(cell, name) for cell in row] for row in cells]

    fields = {"data": "middle", "low": "low", "high": "high", "count": "count", "runs": "runs"}
    return json_response(
        {
            "value": value,
            "x": {"axis": x, "values": sweep.axes[x]},
            "y": {"axis": y, "values": [None] if y is None else sweep.axes[y]},
            **{name: each(field) for name, field in fields.items()},
        }
    )


def asked(sweep: Sweep, x: str | None, y: str | None, value: str) -> tuple[str, str | None]:
    """Return the axes that are asked for.

    Raises:
        HttpProblem: The sweep has no such axis, or there is no such value.
    """
    if value not in VALUES:
        raise bad_parameter("value", f"unknown value {value!r}; known: {', '.join(VALUES)}")
    return axes_of(sweep, x, y)


@router.get("/{sweep_id}/figures/{name}", responses={**FIGURE_ANSWER, **problems(404)})
def get_sweep_figure(
    sweep_id: str,
    name: str,
    store: StoreOf,
    x: Across = None,
    y: Up = None,
    value: ValueOf = "final_loss",
    format: Format = "json",
) -> Response:
    """Return a Plotly figure of a sweep: `sweep_matrix` or `success_by_lag`."""
    sweep = store.sweeps.get(sweep_id)
    across, up = asked(sweep, x, y, value)
    members = store.sweeps.members(sweep_id)
    if name == success_by_lag.NAME:
        return figure_answer(success_by_lag.draw(lag_points(sweep, members)), name, format)
    if name != sweep_matrix.NAME:
        known = f"{sweep_matrix.NAME}, {success_by_lag.NAME}"
        raise HttpProblem(404, f"unknown figure {name[:60]!r}; known: {known}")
    cells = matrix(sweep, members, across, up, sweep_matrix.LOOKS[value].logs or value)
    figure = sweep_matrix.draw(
        [[cell.middle for cell in row] for row in cells],
        value=value,
        x=(axis_label(across), [value_label(one) for one in sweep.axes[across]]),
        y=("", [""]) if up is None else (axis_label(up), [*map(value_label, sweep.axes[up])]),
        longest=max((int(each.run.facts["length"]) - 1 for each in members), default=1),
        has_runs=bool(members),
    )
    return figure_answer(figure, name, format)
