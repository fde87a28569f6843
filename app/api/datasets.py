"""Uploaded data sets: CSV, text, npz and safetensors, checked and described."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.dependencies import SettingsOf, StoreOf, json_response
from app.api.runs import moment
from app.api.schemas import problems
from app.api.upload_schemas import TABLE, TEXT, DatasetModel, DatasetPageModel, file_body
from app.receiving import Received, receiving
from app.settings import Settings
from app.store import Store, Upload
from app.uploads import keep_dataset

router = APIRouter(prefix="/datasets", tags=["datasets"])
HIDDEN = ("order",)


def dataset_record(upload: Upload) -> dict[str, Any]:
    """Return a data set as the API shows it."""
    told = {key: value for key, value in upload.description.items() if key not in HIDDEN}
    return {
        "id": upload.id,
        "name": upload.name,
        "kind": upload.kind,
        "bytes": upload.bytes,
        "sha256": upload.sha256,
        "created_at": moment(upload.created_at),
        "description": told,
    }


def kept_dataset(store: Store, settings: Settings, received: Received) -> Upload:
    """Keep what was received as a data set; see `keep_dataset`."""
    return keep_dataset(
        store,
        received.path,
        name=received.text("name"),
        kind=received.text("kind"),
        columns=received.texts("columns"),
        hints=received.hints,
        most_bytes=settings.max_upload_bytes,
    )


@router.post(
    "",
    status_code=201,
    responses={201: {"model": DatasetModel}, **problems(408, 413, 415, 503)},
    openapi_extra=file_body(
        "text/csv", "text/plain", "application/octet-stream", csv=TABLE, plain=TEXT
    ),
)
async def upload_dataset(
    request: Request,
    store: StoreOf,
    settings: SettingsOf,
    name: Annotated[str | None, Query(description="What it is called", examples=["load"])] = None,
    kind: Annotated[
        str | None,
        Query(
            description="`series` (CSV), `text` or `arrays` (npz, safetensors); left out: told by"
            " the file, and for a table by the content type text/csv or a name in .csv",
            examples=["series"],
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        Query(description="Of a table: keep these columns alone", examples=[["load"]]),
    ] = None,
) -> Response:
    """Upload a data set as the body, or as `file` of a form with `name`, `kind`, `columns`.

    A table has a row for each step and names in its first line; what is no number is left out, and
    an empty cell is missing. Arrays are `inputs` [N, T, D], `targets` of class numbers [N] or
    [N, T], or of values [N] or [N, T, K], and perhaps a `mask` [N, T].
    """
    async with receiving(request, store.uploads.new_place()) as received:
        upload = await run_in_threadpool(kept_dataset, store, settings, received)
    headers = {"Location": f"/api/v1/datasets/{upload.id}"}
    return json_response(dataset_record(upload), 201, headers)


@router.get("", responses={200: {"model": DatasetPageModel}, **problems(410)})
def list_datasets(
    store: StoreOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
) -> Response:
    """List data sets, the newest first; `next_cursor` is null on the last page."""
    found, next_cursor = store.uploads.page("dataset", limit=limit, cursor=cursor)
    items = [dataset_record(upload) for upload in found]
    return json_response({"items": items, "next_cursor": next_cursor})


@router.get("/{dataset_id}", responses={200: {"model": DatasetModel}, **problems(404)})
def get_dataset(dataset_id: str, store: StoreOf) -> Response:
    """Return a data set's description."""
    return json_response(dataset_record(store.uploads.get("dataset", dataset_id)))


@router.delete("/{dataset_id}", status_code=204, responses=problems(404, 409))
def delete_dataset(dataset_id: str, store: StoreOf) -> Response:
    """Delete a data set; 409 while a run that is not over learns from it.

    Runs that are over stay as they are, and can no longer be extended.
    """
    store.uploads.delete("dataset", dataset_id)
    return Response(status_code=204)
