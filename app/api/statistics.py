"""Recorded statistics: what there is, and slices of them by coordinate, in several formats."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse

from app.api.caching import IMMUTABLE, REVALIDATE, etag_of, matches, not_modified
from app.api.dependencies import ReadingOf, StoreOf, json_response
from app.api.formats import FORMATS, ArrayFormat, choose_format
from app.api.kept_answers import Answer, Asked
from app.api.reading import Reading
from app.api.schemas import NOT_MODIFIED, ArrayInfoModel, ArrayModel, problems
from app.api.selection import require_size, select
from app.definedness import undefined
from app.store import ArrayInfo, Run
from app.store.looks import Look
from app.wire import axis_array, axis_json

router = APIRouter(prefix="/runs/{run_id}/statistics", tags=["statistics"])

_FORMAT = "format"
_KEPT_ELEMENTS: Final = 250_000
_AXES: Final = {
    "step": "Training step as recorded, or `last`",
    "layer": "Layer, from 0",
    "time": "Time step, from 1",
    "unit": "Hidden unit, from 0",
    "loss_time": "Time step of the loss, from 1",
    "state_time": "Time step of the state, from 1",
    "parameter": "Name of a parameter",
    "bin": "Lower edge of a bin",
    "gate": "Name of a gate",
    "quantity": "Name of a quantity",
    "factor": "Name of a factor",
    "rank": "Rank among the values of a matrix, from 1, the largest first",
}
_BY_COORDINATE = "; `a`, `a:b` (both ends in), `a:b:k`, repeated; all where it is left out"
AXIS_PARAMETERS = [
    {
        "name": axis,
        "in": "query",
        "required": False,
        "description": meaning + _BY_COORDINATE,
        "schema": {"type": "array", "items": {"type": "string"}},
        "style": "form",
        "explode": True,
    }
    for axis, meaning in _AXES.items()
]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_CONTENT = {
    format_.media_type: {"schema": {"type": "string"}} if format_.name == "csv" else _BINARY
    for format_ in FORMATS.values()
    if format_.name != "json"
}


@router.get("", responses={200: {"model": list[ArrayInfoModel]}, **problems(404)})
def list_statistics(run_id: str, store: StoreOf) -> Response:
    """Return name, axes, coordinates, shape, type and scale of every recorded statistic."""
    return json_response([info_record(info) for info in store.arrays.describe(run_id)])


def info_record(info: ArrayInfo) -> dict[str, Any]:
    """Return the description of an array as the API shows it."""
    return {
        "name": info.name,
        "axes": list(info.axes),
        "coords": {axis: axis_json(info.coords[axis]) for axis in info.axes},
        "shape": list(info.shape),
        "dtype": info.dtype,
        "scale": info.scale,
    }


@dataclass(frozen=True, slots=True)
class _Wanted:
    """In which format a client wants an answer, and the tags of what it has."""

    format: ArrayFormat
    if_none_match: str | None


async def _wanted(
    format: Annotated[
        str | None,
        Query(
            description=f"{', '.join(FORMATS)}; wins over `Accept`; arrow needs the extra",
            json_schema_extra={"enum": [*FORMATS]},
        ),
    ] = None,
    accept: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> _Wanted:
    return _Wanted(choose_format(format, accept), if_none_match)


@router.get(
    "/{name}",
    responses={
        200: {"model": ArrayModel, "content": _CONTENT},
        304: NOT_MODIFIED,
        **problems(404, 406, 413),
    },
    openapi_extra={"parameters": AXIS_PARAMETERS},
)
async def get_statistic(
    run_id: str,
    name: str,
    request: Request,
    reading: ReadingOf,
    wanted: Annotated[_Wanted, Depends(_wanted)],
) -> Response:
    """Return a slice; every axis of the statistic is a query parameter."""
    asked = (name, wanted.format.name, request.url.query)
    answer = reading.answers.get(run_id, asked)
    if answer is not None and (ready := _response(answer, wanted)) is not None:
        return ready  # the usual case waits for no thread

    def answered() -> Response:
        seen = reading.store.arrays.look(run_id)
        answer = reading.answers.get_of_present(run_id, asked)
        if answer is not None and (ready := _response(answer, wanted)) is not None:
            return ready
        return _read(reading, seen, asked, request.query_params, wanted)

    return await reading.run(answered)


def _read(
    reading: Reading, seen: Look, asked: Asked, query: QueryParams, wanted: _Wanted
) -> Response:
    """Return a slice of what was seen of a run, and keep the answer if it never changes."""
    run, info, media_type = seen.run, seen.info(asked[0]), wanted.format.media_type
    selected = select(query, info, (_FORMAT,))
    require_size(selected.size, info, reading.settings.max_slice_elements)
    headers = {
        "Cache-Control": IMMUTABLE if selected.is_final else REVALIDATE,
        "Vary": "Accept",
        "ETag": _etag(run, info.name, selected.coords, wanted.format),
    }
    if matches(wanted.if_none_match, headers["ETag"]):
        if selected.is_final:
            tag = Answer(body=None, media_type=media_type, headers=headers)
            reading.answers.put(run.id, asked, tag)
        return not_modified(headers)
    found = reading.store.arrays.read_seen(seen, info.name, selected.by_axis)
    if found.coords != selected.coords:  # a frame has come in since: the tag is of what is answered
        headers["ETag"] = _etag(run, info.name, found.coords, wanted.format)
    headers["X-Gradtide-Shape"] = ",".join(str(length) for length in found.values.shape)
    where = undefined(found, run) if wanted.format.has_nulls else None
    body = wanted.format.write(found, where)
    if selected.is_final and found.values.size <= _KEPT_ELEMENTS:
        body = body if isinstance(body, bytes) else b"".join(body)
        answer = Answer(body=body, media_type=media_type, headers=headers)
        reading.answers.put(run.id, asked, answer)
    if isinstance(body, bytes):
        return Response(body, media_type=media_type, headers=headers)
    return StreamingResponse(body, media_type=media_type, headers=headers)


def _response(answer: Answer, wanted: _Wanted) -> Response | None:
    """Return what a kept answer says to a client; None where its body is needed and not there."""
    if matches(wanted.if_none_match, answer.headers["ETag"]):
        return not_modified(answer.headers)
    if answer.body is None:
        return None
    return Response(answer.body, media_type=answer.media_type, headers=answer.headers)


def _etag(run: Run, name: str, coords: Mapping[str, Sequence[Any]], format_: ArrayFormat) -> str:
    """Return the tag of an answer: a recorded number never changes, so coordinates tell all."""
    digests = [hashlib.sha256(axis_array(coords[axis]).tobytes()).hexdigest() for axis in coords]
    return etag_of(run.id, run.versions, name, digests, format_.name)
