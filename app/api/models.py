"""Uploaded models: recurrent networks of PyTorch and Keras, recognised by their weights."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.dependencies import SettingsOf, StoreOf, json_response
from app.api.runs import moment
from app.api.schemas import problems
from app.api.upload_schemas import ModelModel, ModelPageModel, file_body
from app.receiving import Received, receiving
from app.settings import Settings
from app.store import Store, Upload
from app.uploads import Wanted, keep_model

router = APIRouter(prefix="/models", tags=["models"])


def model_record(upload: Upload) -> dict[str, Any]:
    """Return a model as the API shows it; its part of a configuration starts from it."""
    model = {**upload.description["model"], "from_model": upload.id}
    return {
        "id": upload.id,
        "name": upload.name,
        "cell": upload.kind,
        "bytes": upload.bytes,
        "sha256": upload.sha256,
        "created_at": moment(upload.created_at),
        "description": {**upload.description, "model": model},
    }


def kept_model(store: Store, settings: Settings, received: Received) -> Upload:
    """Keep what was received as a model; see `keep_model`."""
    wanted = Wanted(
        cell=received.text("cell"),
        activation=received.text("activation"),
        prefix=received.text("prefix"),
        readout=received.text("readout"),
    )
    return keep_model(
        store,
        received.path,
        wanted=wanted,
        name=received.text("name"),
        hints=received.hints,
        most_bytes=settings.max_upload_bytes,
    )


@router.post(
    "",
    status_code=201,
    responses={201: {"model": ModelModel}, **problems(408, 413, 415, 503)},
    openapi_extra=file_body("application/octet-stream"),
)
async def upload_model(
    request: Request,
    store: StoreOf,
    settings: SettingsOf,
    name: Annotated[str | None, Query(description="What it is called", examples=["mine"])] = None,
    cell: Annotated[
        str | None, Query(description="Refuse any other cell than this", examples=["elman"])
    ] = None,
    activation: Annotated[
        str | None,
        Query(description="Of a plain RNN, which its weights do not tell", examples=["tanh"]),
    ] = None,
    prefix: Annotated[
        str | None,
        Query(description="Which recurrent network, where there are several", examples=["rnn"]),
    ] = None,
    readout: Annotated[
        str | None,
        Query(description="Which linear layer is the read-out, or `none` of them", examples=["fc"]),
    ] = None,
) -> Response:
    """Upload weights as the body, or as `file` of a form with the same names.

    safetensors of the state_dict of an nn.RNN, nn.LSTM or nn.GRU, whatever prefix its names have
    and with a linear read-out or none; or safetensors or npz of Keras' SimpleRNN, LSTM or GRU.
    `description.model` goes into a configuration as it is: with `training.steps` 0 the network is
    looked at as it came, with more it is trained on.
    """
    async with receiving(request, store.uploads.new_place()) as received:
        upload = await run_in_threadpool(kept_model, store, settings, received)
    return json_response(model_record(upload), 201, {"Location": f"/api/v1/models/{upload.id}"})


@router.get("", responses={200: {"model": ModelPageModel}, **problems(410)})
def list_models(
    store: StoreOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
) -> Response:
    """List models, the newest first; `next_cursor` is null on the last page."""
    found, next_cursor = store.uploads.page("model", limit=limit, cursor=cursor)
    items = [model_record(upload) for upload in found]
    return json_response({"items": items, "next_cursor": next_cursor})


@router.get("/{model_id}", responses={200: {"model": ModelModel}, **problems(404)})
def get_model(model_id: str, store: StoreOf) -> Response:
    """Return what was recognised in a model."""
    return json_response(model_record(store.uploads.get("model", model_id)))


@router.delete("/{model_id}", status_code=204, responses=problems(404, 409))
def delete_model(model_id: str, store: StoreOf) -> Response:
    """Delete a model; 409 while a run that is not over starts from it.

    Runs that are over stay as they are, and can no longer be extended.
    """
    store.uploads.delete("model", model_id)
    return Response(status_code=204)
