"""A whole run as one file."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from app.api.dependencies import StoreOf
from app.api.figures import EXPORT_POLICY
from app.api.schemas import problems
from app.exports import EXPORTS

router = APIRouter(tags=["runs"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A file; a run that goes on is exported as it stands",
        "content": {export.media_type: _BINARY for export in EXPORTS.values()},
    }
}


@router.get("/runs/{run_id}/export", responses={**_FILES, **problems(404, 406)})
def export_run(
    run_id: str,
    store: StoreOf,
    format: Annotated[
        Literal["npz", "csv", "arrow", "html", "tensorboard"],
        Query(description="arrow needs the extra of this name"),
    ] = "npz",
) -> Response:
    """Return everything that is recorded of a run, streamed."""
    run = store.runs.get(run_id)
    export = EXPORTS[format]
    # Of the id alone: a name may hold anything.
    headers = {
        "Content-Disposition": f'attachment; filename="{run.id}.{export.suffix}"',
        "Cache-Control": "no-cache",
    }
    if format == "html":
        headers["Content-Security-Policy"] = EXPORT_POLICY
    return StreamingResponse(
        export.write(store, run), media_type=export.media_type, headers=headers
    )
