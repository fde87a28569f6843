"""Captures: training loops that run elsewhere and send what a hook has taken."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.bodies import object_of
from app.api.capture_schemas import CaptureFrameModel
from app.api.dependencies import IdempotencyKey, JsonBody, json_response
from app.api.runs import run_record
from app.api.schemas import RunModel, body_of, problems
from app.frame_bytes import MEDIA_TYPE, unpack
from app.http_errors import HttpProblem
from app.runs.captures import ENDINGS, MAX_ERROR, Captures
from engine import ConfigError, Problem

router = APIRouter(prefix="/captures", tags=["captures"])

BINARY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def get_captures(request: Request) -> Captures:
    """Return the verbs of captured runs."""
    captures: Captures = request.app.state.captures
    return captures


CapturesOf = Annotated[Captures, Depends(get_captures)]


@router.post(
    "",
    status_code=201,
    responses={
        201: {"model": RunModel, "description": "The run, running; `Location` is its address"},
        200: {"model": RunModel, "description": "The run that this Idempotency-Key made before"},
        **problems(413, 415),
    },
    openapi_extra=body_of("CaptureConfig"),
)
def create_capture(
    body: JsonBody,
    captures: CapturesOf,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a run of a training loop elsewhere; its frames are sent to it."""
    run, created = captures.create(body, idempotency_key)
    headers = {"Location": f"/api/v1/runs/{run.id}"}
    return json_response(run_record(run), 201 if created else 200, headers)


@router.post(
    "/{run_id}/frames",
    status_code=201,
    responses={
        201: {"model": CaptureFrameModel, "description": "The frame, recorded"},
        200: {"model": CaptureFrameModel, "description": "It was recorded before"},
        **problems(404, 409, 413, 415),
    },
    openapi_extra=BINARY,
)
async def add_frame(run_id: str, request: Request, captures: CapturesOf) -> Response:
    """Record a training step: safetensors with weights, inputs and the gradients at the outputs."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise HttpProblem(415, f"expected a body of {MEDIA_TYPE}, got {media_type or 'no type'!r}")
    body = await request.body()
    return await run_in_threadpool(_added, captures, run_id, body)


def _added(captures: Captures, run_id: str, body: bytes) -> Response:
    taken = unpack(body)
    run, created = captures.add(run_id, taken)
    record = {"run": run.id, "step": taken.step, "verdict": run.verdict}
    return json_response(record, 201 if created else 200)


@router.post(
    "/{run_id}/finish",
    status_code=202,
    responses={202: {"model": RunModel}, **problems(404, 409, 413, 415)},
    openapi_extra=body_of("CaptureEnd"),
)
def finish_capture(run_id: str, body: JsonBody, captures: CapturesOf) -> Response:
    """End a captured run. Again 202 where it has ended so already."""
    found = object_of(body, ("status", "error"))
    status, error = found.get("status", "succeeded"), found.get("error")
    faults = []
    if status not in ENDINGS:
        known = ", ".join(ENDINGS)
        faults.append(Problem("/status", f"unknown status {str(status)[:40]!r}; known: {known}"))
    if error is not None and (not isinstance(error, str) or len(error) > MAX_ERROR):
        faults.append(Problem("/error", f"expected null or at most {MAX_ERROR} characters"))
    if faults:
        raise ConfigError(faults)
    return json_response(run_record(captures.finish(run_id, status, error)), 202)
