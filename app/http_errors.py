"""From an exception to its answer: one table, one body (RFC 9457).

Domain classes carry no status; `STATUSES` gives them one, found along the class's MRO. What is not
in it is our own fault: 500, without its message, the whole story in the log.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from app.arrow import MissingExtraError
from app.json_texts import escape
from app.pages.errors import error_response, wants_page
from app.pages.login import login_response
from app.runs import IllegalTransition, UnfitWorkers
from app.store import (
    IdempotencyConflict,
    InvalidCursor,
    LeaseLost,
    MissingDriverError,
    NotFound,
    QueueFull,
    SelectionError,
    StaleCursor,
    StorageError,
    UploadInUse,
)
from app.uploads import UploadError
from engine import ConfigError, ShapeError

PROBLEM_MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class Row(NamedTuple):
    """How a class of errors is answered; `code` is the last part of the problem's `type`."""

    status: int
    code: str
    retry_after: int | None = None


STATUSES: Mapping[type[Exception], Row] = MappingProxyType(
    {
        ConfigError: Row(422, "invalid-config"),
        MissingExtraError: Row(406, "missing-extra"),
        ShapeError: Row(422, "invalid-shape"),
        NotFound: Row(404, "not-found"),
        SelectionError: Row(422, "invalid-selection"),
        InvalidCursor: Row(422, "invalid-cursor"),
        StaleCursor: Row(410, "stale-cursor"),
        IdempotencyConflict: Row(422, "idempotency-conflict"),
        IllegalTransition: Row(409, "conflict"),
        LeaseLost: Row(409, "conflict"),
        UploadError: Row(422, "invalid-upload"),
        UploadInUse: Row(409, "conflict"),
        MissingDriverError: Row(503, "unavailable"),
        StorageError: Row(503, "unavailable"),
        UnfitWorkers: Row(503, "unavailable"),
        QueueFull: Row(429, "queue-full", retry_after=10),
    }
)

_INTERNAL = Row(500, "internal")
BUSY_RETRY_SECONDS = "5"

# Statuses that the framework or a guard answers with, where no class of ours stands behind them.
_CODES: Mapping[int, str] = MappingProxyType(
    {
        400: "malformed",
        401: "unauthorized",
        403: "forbidden",
        404: "not-found",
        405: "method-not-allowed",
        406: "not-acceptable",
        408: "time-out",
        409: "conflict",
        410: "gone",
        413: "too-large",
        414: "address-too-long",
        415: "unsupported-media-type",
        416: "range-not-satisfiable",
        422: "invalid-request",
        429: "queue-full",
        431: "headers-too-large",
        503: "unavailable",
    }
)


class HttpProblem(HTTPException):
    """A refusal that the HTTP layer itself decides on, with the faults it can point at."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.errors = tuple(errors)
        self.code = code


def bad_parameter(name: str, detail: str) -> HttpProblem:
    """Return the refusal of one query parameter."""
    return HttpProblem(422, f"{name}: {detail}", errors=[{"parameter": name, "detail": detail}])


def problem_body(
    status: int, detail: str, errors: Sequence[Mapping[str, str]] = (), code: str | None = None
) -> dict[str, Any]:
    """Return the body of a problem (RFC 9457)."""
    body: dict[str, Any] = {
        "type": f"/problems/{code or _CODES.get(status, 'error')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [dict(error) for error in errors]
    return body


def problem_response(
    request: Request, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a problem: as a page where a browser navigated, else as problem+json."""
    templates = getattr(request.app.state, "templates", None) if "app" in request.scope else None
    if templates is not None and wants_page(request):
        # Where a browser is told that it lacks the token, it gets the form that takes one.
        response = (
            login_response(request, templates, status=body["status"])
            if body["status"] == HTTPStatus.UNAUTHORIZED
            else error_response(request, templates, body)
        )
    else:
        response = Response(
            orjson.dumps(body), status_code=body["status"], media_type=PROBLEM_MEDIA_TYPE
        )
    response.headers.update(headers or {})
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def status_of(error: Exception) -> Row:
    """Return the row of an error's nearest class."""
    for cls in type(error).__mro__:
        if cls in STATUSES:
            return STATUSES[cls]
    return _INTERNAL


def domain_error(request: Request, error: Exception) -> Response:
    """Answer an error of the engine, the store or the runs."""
    row = status_of(error)
    if row is _INTERNAL:
        return internal_error(request, error)
    errors = _faults(error)
    headers = {} if row.retry_after is None else {"Retry-After": str(row.retry_after)}
    return problem_response(
        request, problem_body(row.status, str(error), errors, row.code), headers
    )


def _faults(error: Exception) -> list[dict[str, str]]:
    """Return the places of a request that an error points at."""
    match error:
        case ConfigError() | UploadError():
            return [{"pointer": p.pointer, "detail": p.detail} for p in error.problems]
        case SelectionError():
            return [{"parameter": error.axis, "detail": error.detail}]
        case InvalidCursor() | StaleCursor():
            return [{"parameter": "cursor", "detail": str(error)}]
        case IdempotencyConflict():
            return [{"header": "Idempotency-Key", "detail": str(error)}]
        case _:
            return []


def internal_error(request: Request, error: Exception) -> Response:
    """Answer a fault of our own: nothing of it goes out, all of it into the log."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    body = problem_body(500, "Something went wrong here; the log says what.", code="internal")
    return problem_response(request, body)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return internal_error(request, error)
    errors = getattr(error, "errors", ())
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names the methods of the first route of this path alone.
        error.headers = {**(error.headers or {}), "Allow": ", ".join(_allowed(request))}
    body = problem_body(error.status_code, str(error.detail), errors, getattr(error, "code", None))
    return problem_response(request, body, error.headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods that the address of a request has routes for."""
    routes = request.app.router.routes

    def is_served(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in routes)

    found = [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if is_served(method)]
    return [*found, "HEAD"] if "GET" in found else found


async def _invalid_request(request: Request, error: Exception) -> Response:
    """Put the framework's own 422 in the one form."""
    if not isinstance(error, RequestValidationError):
        return internal_error(request, error)
    errors = [_located(fault["loc"], str(fault["msg"])) for fault in error.errors()]
    detail = "; ".join(f"{next(iter(e.values()))}: {e['detail']}" for e in errors)
    return problem_response(request, problem_body(422, detail, errors))


def _located(location: Sequence[str | int], detail: str) -> dict[str, str]:
    """Return a fault with the name of its place: `query` is a parameter, `body` a pointer."""
    place, *path = location
    if place == "body":
        return {"pointer": "".join(f"/{escape(str(part))}" for part in path), "detail": detail}
    kind = "header" if place == "header" else "parameter"
    return {kind: str(path[0]) if path else str(place), "detail": detail}


async def _database_error(request: Request, error: Exception) -> Response:
    """Answer that the database is held by another, or away for a moment; what it says is ours."""
    database = request.app.state.store.database
    if not isinstance(error, OperationalError) or not database.is_passing(error):
        return internal_error(request, error)
    log.warning("%s %s found the database busy: %s", request.method, request.url.path, error.orig)
    body = problem_body(503, "The database is busy; nothing was changed. Try again in a moment.")
    return problem_response(request, body, {"Retry-After": BUSY_RETRY_SECONDS})


async def _domain_error(request: Request, error: Exception) -> Response:
    return domain_error(request, error)


def install(app: FastAPI) -> None:
    """Register the handlers: the table's classes, the framework's own errors, nothing else."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(OperationalError, _database_error)
    for cls in STATUSES:
        app.add_exception_handler(cls, _domain_error)
