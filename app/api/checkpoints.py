"""Weights as safetensors, with the names that PyTorch gives them."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from app.api.dependencies import StoreOf, json_response
from app.api.runs import moment
from app.api.schemas import CheckpointModel, problems
from app.store import CheckpointInfo, CheckpointNotFound, Store

router = APIRouter(prefix="/runs/{run_id}/checkpoints", tags=["checkpoints"])

Part = Literal["recurrent", "readout", "probe"]
MAX_STEP: Final = 2**53  # a double holds whole numbers exactly up to here; no run is as long
Step = Annotated[int, Field(ge=0, le=MAX_STEP)] | Literal["first", "last"]
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
    step: Annotated[Step, Path(description="`first`, `last`: the ends of what is kept so far")],
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
    found = _step_of(store, run_id, step)
    body = store.checkpoints.read(run_id, found, part)
    name = "-".join([run_id, str(found), *(part or ())])
    return Response(
        body,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}.safetensors"'},
    )


def _step_of(store: Store, run_id: str, step: int | str) -> int:
    """Return the step of a checkpoint that is asked for by its place."""
    if isinstance(step, int):
        return step
    kept = store.checkpoints.list(run_id)
    if not kept:
        raise CheckpointNotFound(f"run {run_id} has no checkpoint yet")
    return kept[0 if step == "first" else -1].step
