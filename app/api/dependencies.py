"""What routes are given: the store, the service of runs, the settings, and bodies that are JSON.

All are coroutines, though none waits: what is not would be sent to a thread, for every request.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from starlette.responses import Response

from app.api.events_hub import EventHub
from app.api.reading import Reading
from app.http_errors import HttpProblem
from app.json_texts import MalformedJSONError, parse_json, text_problems
from app.runs import RunService
from app.runs.sweeps import Sweeps
from app.settings import Settings
from app.store import Store
from app.wire import to_json

MAX_KEY_LENGTH: Final = 255


async def get_store(request: Request) -> Store:
    """Return the store of the running application."""
    store: Store = request.app.state.store
    return store


async def get_service(request: Request) -> RunService:
    """Return the service of runs."""
    service: RunService = request.app.state.service
    return service


async def get_sweeps(request: Request) -> Sweeps:
    """Return the verbs of sweeps."""
    sweeps: Sweeps = request.app.state.sweeps
    return sweeps


async def get_settings(request: Request) -> Settings:
    """Return the settings the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


async def get_hub(request: Request) -> EventHub:
    """Return the one reader of events."""
    hub: EventHub = request.app.state.hub
    return hub


async def get_reading(request: Request) -> Reading:
    """Return what the reads that come often share."""
    reading: Reading = request.app.state.reading
    return reading


async def json_body(request: Request) -> Any:  # noqa: ANN401  # any JSON value
    """Return a request's JSON body.

    Raises:
        HttpProblem: 415 where it does not call itself JSON, 400 where it is not, 422 where a text
            in it could not be stored.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json:
        raise HttpProblem(
            415, f"expected a body of application/json, got {media_type or 'no type'!r}"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpProblem(415, "expected a body without Content-Encoding")
    try:
        body = parse_json(await request.body())
    except MalformedJSONError as error:
        raise HttpProblem(400, str(error)) from error
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in text_problems(body)]
    if errors:
        raise HttpProblem(422, errors[0]["detail"], errors=errors)
    return body


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a record as a JSON answer, which no cache may give to anybody else."""
    return Response(
        to_json(value),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-cache", **(headers or {})},
    )


StoreOf = Annotated[Store, Depends(get_store)]
ServiceOf = Annotated[RunService, Depends(get_service)]
SweepsOf = Annotated[Sweeps, Depends(get_sweeps)]
SettingsOf = Annotated[Settings, Depends(get_settings)]
HubOf = Annotated[EventHub, Depends(get_hub)]
ReadingOf = Annotated[Reading, Depends(get_reading)]
JsonBody = Annotated[Any, Depends(json_body)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=MAX_KEY_LENGTH,
        description="The same key and body make one run, or one sweep, however often sent",
    ),
]
