"""Recorded statistics: what there is, and slices of them by coordinate, in several formats."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Header, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response, StreamingResponse

from app.api.caching import IMMUTABLE, REVALIDATE, etag_of, matches, not_modified
from app.api.dependencies import SettingsOf, StoreOf, json_response
from app.api.formats import FORMATS, ArrayFormat, choose_format
from app.api.schemas import NOT_MODIFIED, ArrayInfoModel, ArrayModel, problems
from app.api.selection import require_size, select
from app.definedness import undefined
from app.store import ArrayInfo, Run, Slice, StatisticNotFound, Store
from app.wire import axis_array, axis_json

router = APIRouter(prefix="/runs/{run_id}/statistics", tags=["statistics"])

_FORMAT = "format"
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


@router.get(
    "/{name}",
    responses={
        200: {"model": ArrayModel, "content": _CONTENT},
        304: NOT_MODIFIED,
        **problems(404, 406, 413),
    },
    openapi_extra={"parameters": AXIS_PARAMETERS},
)
def get_statistic(
    run_id: str,
    name: str,
    request: Request,
    store: StoreOf,
    settings: SettingsOf,
    format: Annotated[
        str | None,
        Query(
            description=f"{', '.join(FORMATS)}; wins over `Accept`; arrow needs the extra",
            json_schema_extra={"enum": [*FORMATS]},
        ),
    ] = None,
    accept: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a slice; every axis of the statistic is a query parameter."""
    format_ = choose_format(format, accept)
    run = store.runs.get(run_id)
    info = _info(store, run_id, name)
    selected = select(request.query_params, info, (_FORMAT,))
    require_size(selected.size, info, settings.max_slice_elements)
    headers = {
        "Cache-Control": IMMUTABLE if selected.is_final else REVALIDATE,
        "Vary": "Accept",
        "ETag": _etag(run, name, selected.coords, format_),
    }
    if matches(if_none_match, headers["ETag"]):
        return not_modified(headers)
    found = store.arrays.read(run_id, name, selected.by_axis)
    # A frame may have come in since: the tag is of what is answered.
    headers["ETag"] = _etag(run, name, found.coords, format_)
    headers["X-Gradtide-Shape"] = ",".join(str(length) for length in found.values.shape)
    return _answer(found, undefined(found, run), format_, headers)


def _info(store: Store, run_id: str, name: str) -> ArrayInfo:
    known = {info.name: info for info in store.arrays.describe(run_id)}
    if name not in known:
        raise StatisticNotFound(
            f"this run records no statistic {name[:60]!r}; known: {', '.join(known)}"
        )
    return known[name]


def _etag(run: Run, name: str, coords: Mapping[str, Sequence[Any]], format_: ArrayFormat) -> str:
    """Return the tag of an answer: a recorded number never changes, so coordinates tell all."""
    digests = [hashlib.sha256(axis_array(coords[axis]).tobytes()).hexdigest() for axis in coords]
    return etag_of(run.id, run.versions, name, digests, format_.name)


def _answer(
    found: Slice, missing: NDArray[np.bool_] | None, format_: ArrayFormat, headers: dict[str, str]
) -> Response:
    body = format_.write(found, missing)
    if isinstance(body, bytes):
        return Response(body, media_type=format_.media_type, headers=headers)
    return StreamingResponse(body, media_type=format_.media_type, headers=headers)
