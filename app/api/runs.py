"""Runs: start, list, look at, cancel, delete, and their verdict."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response

from app.api.bodies import object_of
from app.api.caching import Tagged, revalidated, tagged
from app.api.dependencies import (
    IdempotencyKey,
    JsonBody,
    ReadingOf,
    ServiceOf,
    StoreOf,
    json_response,
)
from app.api.schemas import NOT_MODIFIED, EstimateModel, RunModel, RunPageModel, body_of, problems
from app.http_errors import HttpProblem, bad_parameter
from app.json_texts import is_plain
from app.runs import RunStatus
from app.runs.descriptions import KEYS
from app.runs.limits import stored_bytes
from app.runs.trials import Tried, remedies_of, tried_of
from app.store import Run
from app.store.listing import SORTS, Asked
from engine import ConfigError, Estimate, Problem

router = APIRouter(prefix="/runs", tags=["runs"])

ESTIMATE = "estimate"


class _RunId(StringConvertor):
    """The last part of a run's address: any but that of the estimate, which has its own methods."""

    regex = f"(?!{ESTIMATE}$)[^/]+"


register_url_convertor("run", _RunId())

VERB: dict[str, Any] = {
    "status_code": 202,
    "responses": {202: {"model": RunModel}, **problems(404, 409)},
}


def moment(value: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def run_record(run: Run, queue_position: int | None = None) -> dict[str, Any]:
    """Return a run as the API shows it."""
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "config": run.config,
        "tags": list(run.tags),
        "notes": run.notes,
        "facts": run.facts,
        "requested": run.requested,
        "progress": {"step": run.step, "steps": run.steps, "eta_seconds": run.eta_seconds},
        "loss": run.loss,
        "final_loss": run.final_loss,
        "verdict": run.verdict,
        "sparkline": run.sparkline,
        "error": run.error,
        "versions": run.versions,
        "queue_position": queue_position,
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
    }


@router.post(
    "",
    status_code=201,
    responses={
        201: {"model": RunModel, "description": "The run, queued; `Location` is its address"},
        200: {"model": RunModel, "description": "The run that this Idempotency-Key made before"},
        **problems(413, 415, 429),
    },
    openapi_extra=body_of("RunConfig"),
)
def create_run(
    body: JsonBody,
    service: ServiceOf,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Queue a run of a configuration."""
    run, created = service.create(body, idempotency_key=idempotency_key)
    headers = {"Location": f"/api/v1/runs/{run.id}"}
    return json_response(run_record(run), 201 if created else 200, headers)


@router.post(
    f"/{ESTIMATE}",
    responses={200: {"model": EstimateModel}, **problems(413, 415)},
    openapi_extra=body_of("RunConfig"),
)
def estimate_run(body: JsonBody, service: ServiceOf) -> Response:
    """Return what a run of a configuration will need, without running it."""
    return json_response(estimate_record(service.estimate(body)))


def estimate_record(needed: Estimate) -> dict[str, int]:
    """Return an estimate as the API shows it: the weights of frames are the store's to keep."""
    record = asdict(needed)
    record.pop("weights")
    return {**record, "stored": stored_bytes(needed)}


async def filters_of(
    status: Annotated[list[RunStatus] | None, Query(description="One status or several")] = None,
    tag: Annotated[str | None, Query(description="A tag the runs have")] = None,
    cell: Annotated[str | None, Query(description="Name of the cell")] = None,
    q: Annotated[str | None, Query(description="A part of the name or of a tag")] = None,
) -> Asked:
    """Return what the runs of a list have in common."""
    for name, text in {"tag": tag, "cell": cell, "q": q}.items():
        if text is not None and not is_plain(text):
            raise bad_parameter(name, "text may not hold NUL or a lone surrogate")
    return Asked(status=tuple(status) if status else None, tag=tag, cell=cell, q=q)


@router.get("", responses={200: {"model": RunPageModel}, 304: NOT_MODIFIED, **problems(410)})
async def list_runs(
    reading: ReadingOf,
    filters: Annotated[Asked, Depends(filters_of)],
    sort: Annotated[
        str,
        Query(
            description=f"{', '.join(SORTS)}; with a minus for falling order",
            json_schema_extra={"enum": [sign + name for name in SORTS for sign in ("", "-")]},
        ),
    ] = "-created_at",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """List runs, the newest first; `next_cursor` is null on the last page."""
    if sort.removeprefix("-") not in SORTS:
        raise bad_parameter("sort", f"unknown order {sort!r}; known: {', '.join(SORTS)}")
    asked: Asked = {**filters, "sort": sort, "limit": limit, "cursor": cursor}

    def read() -> Tagged:
        runs, next_cursor = reading.store.runs.page_as_written(**asked)
        record = {"items": [run_record(run) for run in runs], "next_cursor": next_cursor}
        return tagged(record)

    def answered() -> Response:
        return revalidated(reading.lists.get(tuple(asked.items()), read), if_none_match)

    return await reading.run(answered)


@router.get("/{run_id:run}", responses={200: {"model": RunModel}, **problems(404)})
def get_run(run_id: str, store: StoreOf) -> Response:
    """Return a run."""
    run = store.runs.get(run_id)
    return json_response(run_record(run, store.runs.queue_position(run)))


@router.post("/{run_id}/cancel", **VERB)
def cancel_run(run_id: str, service: ServiceOf) -> Response:
    """Stop a run; what it has recorded stays readable. Again 202 where it is cancelled already."""
    return json_response(run_record(service.cancel(run_id)), 202)


@router.post("/{run_id}/pause", **VERB)
def pause_run(run_id: str, service: ServiceOf) -> Response:
    """Let a running run save and stop. Again 202 where it is paused, or about to be."""
    return json_response(run_record(service.pause(run_id)), 202)


@router.post("/{run_id}/resume", **VERB)
def resume_run(run_id: str, service: ServiceOf) -> Response:
    """Let a paused run go on from where it stopped. Again 202 where that is done already."""
    return json_response(run_record(service.resume(run_id)), 202)


@router.post("/{run_id}/retry", **VERB)
def retry_run(run_id: str, service: ServiceOf) -> Response:
    """Let a failed run go on from its last checkpoint. Again 202 where that is done already."""
    return json_response(run_record(service.retry(run_id)), 202)


@router.post("/{run_id}/extend", **VERB, openapi_extra=body_of("Extension"))
def extend_run(run_id: str, body: JsonBody, service: ServiceOf) -> Response:
    """Train a run that succeeded until it has so many steps; a schedule keeps its horizon."""
    steps = object_of(body, ("steps",), required=("steps",))["steps"]
    try:
        run = service.extend(run_id, steps)
    except ConfigError as error:
        faults = [Problem(p.pointer.removeprefix("/training"), p.detail) for p in error.problems]
        raise ConfigError(faults) from error
    return json_response(run_record(run), 202)


@router.patch(
    "/{run_id:run}",
    responses={200: {"model": RunModel}, **problems(404, 413, 415)},
    openapi_extra=body_of("Description"),
)
def describe_run(run_id: str, body: JsonBody, service: ServiceOf) -> Response:
    """Change name, tags or notes of a run; what is left out stays."""
    return json_response(run_record(service.describe(run_id, object_of(body, KEYS))))


@router.delete("/{run_id:run}", status_code=204, responses=problems(404, 409))
def delete_run(run_id: str, service: ServiceOf) -> Response:
    """Delete a run that is over, with all that it has recorded."""
    service.delete(run_id)
    return Response(status_code=204)


@router.get("/{run_id}/verdict", responses={200: {"model": dict[str, Any]}, **problems(404, 409)})
def get_verdict(run_id: str, store: StoreOf) -> Response:
    """Return what is wrong with a run, why, what to try, and what came of what was tried.

    409 before the run's first frame; its `verdict` is null until then.
    """
    run = store.runs.get(run_id)
    if run.verdict is None:
        raise HttpProblem(409, f"run {run_id!r} has no frame yet, so there is no verdict")
    tried = {each.title: each for each in tried_of(store, run)}
    remedies = [
        {**remedy.to_dict(), "tried": outcome_of(tried.get(remedy.title))}
        for remedy in remedies_of(run)
    ]
    return json_response({**run.verdict, "remedies": remedies})


def outcome_of(tried: Tried | None) -> dict[str, Any] | None:
    """Return the runs that tried a remedy and their mean final loss; None where none did."""
    if tried is None:
        return None
    return {"runs": [run.id for run in tried.runs], "final_loss": tried.loss}
