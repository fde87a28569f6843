"""Weights as safetensors, with the names that PyTorch gives them."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app.api.dependencies import StoreOf, json_response
from app.api.runs import moment
from app.api.schemas import CheckpointModel, problems
from app.store import CheckpointInfo

router = APIRouter(prefix="/runs/{run_id}/checkpoints", tags=["checkpoints"])

Part = Literal["recurrent", "readout", "probe"]
MAX_STEP: Final = 2**53  # a double holds whole numbers exactly up to here; no run is as long
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A safetensors file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def checkpoint_record(checkpoint: CheckpointInfo) -> dict[str, Any]:
    """Return a checkpoint as the API shows it."""
    return {
        "step": checkpoint.step,
        "bytes": checkpoint.bytes,
        "sha256": checkpoint.sha256,
        "created_at": moment(checkpoint.created_at),
    }


@router.get("", responses={200: {"model": list[CheckpointModel]}, **problems(404)})
def list_checkpoints(run_id: str, store: StoreOf) -> Response:
    """Return the checkpoints of a run, the first step first."""
    store.runs.get(run_id)
    return json_response([checkpoint_record(one) for one in store.checkpoints.list(run_id)])


@router.get("/{step}", responses={**_FILE, **problems(404)})
def get_checkpoint(
    run_id: str,
    step: Annotated[int, Path(ge=0, le=MAX_STEP)],
    store: StoreOf,
    part: Annotated[
        list[Part] | None,
        Query(
            description="`recurrent` has PyTorch's keys alone, so that a strict load_state_dict"
            " takes it; repeated for several; all where it is left out"
        ),
    ] = None,
) -> Response:
    """Return weights and probe batch as they were after so many updates."""
    store.runs.get(run_id)
    body = store.checkpoints.read(run_id, step, part)
    name = "-".join([run_id, str(step), *(part or ())])
    return Response(
        body,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}.safetensors"'},
    )
