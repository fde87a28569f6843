"""Liveness and readiness, for whoever starts and restarts the service."""

import logging

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import ServiceOf, StoreOf, json_response
from app.api.schemas import problems
from app.http_errors import HttpProblem

router = APIRouter(tags=["health"])

log = logging.getLogger(__name__)


@router.get("/healthz")
async def healthz() -> Response:
    """Answer that the process lives; open without a token."""
    return json_response({"status": "ok"})


@router.get("/readyz", responses=problems(401, 503))
def readyz(store: StoreOf, service: ServiceOf) -> Response:
    """Answer whether the store can be read and the executor takes runs."""
    try:
        store.events.latest_id()
    except Exception as error:
        log.exception("the store cannot be read")
        raise HttpProblem(503, "The store cannot be read.", headers={"Retry-After": "5"}) from error
    if not service.is_ready:
        raise HttpProblem(503, "The executor does not run.", headers={"Retry-After": "5"})
    return json_response({"status": "ready", "store": "ok", "executor": "ok"})
