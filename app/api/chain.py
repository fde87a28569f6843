"""One path term of a recorded step, factor by factor."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Query
from pydantic import Field
from starlette.responses import Response

import engine
from app.api.caching import IMMUTABLE, REVALIDATE, etag_of, matches, not_modified
from app.api.chain_schemas import ChainModel
from app.api.checkpoints import MAX_STEP
from app.api.dependencies import StoreOf
from app.api.schemas import NOT_MODIFIED, problems
from app.http_errors import HttpProblem
from app.runs.chains import Term, chain_of
from app.store import Run, StatisticNotFound, Store
from app.wire import to_json
from engine import ConfigError

router = APIRouter(prefix="/runs/{run_id}/chain", tags=["chain"])

Step = Annotated[int, Field(ge=0, le=MAX_STEP)] | Literal["first", "last"]
Time = Annotated[int, Field(ge=1, le=MAX_STEP)]

# What each factor is, in the symbols of the seeds' sums; {t} is its time, {b} the one before.
WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "loss_by_prediction": (
            "∂L_{t}/∂ŷ_{t}",
            "how the loss at this time changes with the prediction",
        ),
        "prediction_by_logits": (
            "∂ŷ_{t}/∂O_{t}",
            "how the prediction changes with the logits: the slope of the softmax, or 1",
        ),
        "logits_by_state": (
            "∂O_{t}/∂h_{t}",
            "how the logits change with the state: the weights of the read-out",
        ),
        "state_by_state": (
            "∂h_{t}/∂h_{b}",
            "one step back: how the state changes with the one before",
        ),
        "state_by_parameter": (
            "∂⁺h_{t}/∂P",
            "how the state changes with the parameter at this step alone",
        ),
        "logits_by_parameter": (
            "∂O_{t}/∂P",
            "how the logits change with the read-out's own parameter",
        ),
    }
)


async def _parameter(
    parameter: Annotated[
        str | None,
        Query(
            description="P by name; the layer's recurrent weights if left out",
            examples=["weight_hh_l0"],
        ),
    ] = None,
    layer: Annotated[
        str | None,
        Query(
            pattern="^[0-9]{1,2}r?$",
            description="Whose recurrent weights P is, from 0; with r its way backwards; the top if"
            " left out. Not looked at where P is named",
            examples=["0"],
        ),
    ] = None,
) -> tuple[str | None, str | None]:
    """Return P's name, and the layer whose recurrent weights are meant where it has none."""
    return parameter, layer


@router.get("", responses={200: {"model": ChainModel}, 304: NOT_MODIFIED, **problems(404)})
def get_chain(
    run_id: str,
    store: StoreOf,
    of: Annotated[tuple[str | None, str | None], Depends(_parameter)],
    step: Annotated[
        Step,
        Query(
            description="Training step as recorded; `first`, `last`: the ends so far",
            examples=["last"],
        ),
    ] = "last",
    loss_time: Annotated[
        Time | None,
        Query(
            description="t, from 1; the last time at which the task asks if left out", examples=[12]
        ),
    ] = None,
    state_time: Annotated[
        Time | None,
        Query(description="k, 1 … t; 2, or the read-out's t, if left out", examples=[10]),
    ] = None,
    sample: Annotated[
        Annotated[int, Field(ge=0, le=MAX_STEP)] | None,
        Query(
            description="One sample of the probe batch, from 0: then factors that are small come"
            " with their numbers; the mean over all if left out",
            examples=[0],
        ),
    ] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return ∂L_t/∂ŷ_t, ∂ŷ_t/∂O_t, ∂O_t/∂h_t, every step back to k, and ∂⁺h_k/∂P.

    Computed in float64 of the weights kept at that step, on the run's probe batch. Norms are
    log10, since a term may be far under what a number holds.
    """
    run = store.runs.get(run_id)
    found = _step_of(store, run, step)
    asked = Term(
        step=found,
        loss_time=loss_time,
        state_time=state_time,
        parameter=of[0],
        layer=of[1],
        sample=sample,
    )
    fixed = isinstance(step, int)
    headers = {
        "ETag": etag_of(run.id, run.versions, "chain", str(asked)),
        "Cache-Control": IMMUTABLE if fixed else REVALIDATE,
    }
    if matches(if_none_match, headers["ETag"]):
        return not_modified(headers)
    try:
        chain = chain_of(store, run, asked)
    except ConfigError as error:
        raise _of_query(error) from error
    return Response(
        to_json(chain_record(run, found, chain, sample)),
        media_type="application/json",
        headers=headers,
    )


def _step_of(store: Store, run: Run, step: int | str) -> int:
    steps = store.arrays.frame_steps(run.id)
    if not steps:
        raise StatisticNotFound(f"run {run.id} has recorded nothing yet")
    if isinstance(step, int):
        return step
    return steps[0 if step == "first" else -1]


def _of_query(error: ConfigError) -> HttpProblem:
    """Return the engine's refusal with the query parameters that it means."""
    faults = [
        {"parameter": fault.pointer.strip("/") or "parameter", "detail": fault.detail}
        for fault in error.problems
    ]
    return HttpProblem(422, str(error), errors=faults)


def chain_record(run: Run, step: int, chain: engine.Chain, sample: int | None) -> dict[str, Any]:
    """Return a chain as the API shows it."""
    return {
        "run": run.id,
        "step": step,
        "loss_time": chain.loss_time,
        "state_time": chain.state_time,
        "lag": chain.loss_time - chain.state_time,
        "parameter": chain.parameter,
        "layer": chain.layer,
        "sample": sample,
        "samples": chain.samples,
        "jacobian_samples": chain.jacobian_samples,
        "factors": [factor_record(factor) for factor in chain.factors],
        "arriving": {
            "state_time": [time for time, _ in chain.arriving],
            "log10_norm": [log10_norm for _, log10_norm in chain.arriving],
        },
        "term": {"log10_norm": chain.log10_norm, "value": chain.value},
        "is_product": chain.is_product,
        "walls": list(chain.walls),
    }


def factor_record(factor: engine.Factor) -> dict[str, Any]:
    """Return one factor with its symbol and what it is."""
    symbol, words = WORDS[factor.name]
    return {
        "name": factor.name,
        "symbol": symbol.format(t=factor.time, b=factor.time - 1),
        "words": words,
        "time": factor.time,
        "norm": factor.norm,
        "log10_norm": factor.log10_norm,
        "left_out": factor.left_out,
        "value": factor.value,
    }
