"""Server-sent events: what happens to runs, live, and resumed from the database after any break."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.responses import Response, StreamingResponse

from app.api.dependencies import HubOf, StoreOf
from app.api.events_hub import BATCH, EventHub, Message, message_of
from app.http_errors import HttpProblem
from app.store import Store

router = APIRouter(tags=["events"])

RETRY_MILLISECONDS: Final = 2000
# Proxies cut connections that are silent for half a minute.
KEEP_ALIVE_SECONDS: Final = 15.0
MAX_RUNS: Final = 100
_MAX_ID_DIGITS: Final = 18

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `status`, `progress`, `frame`, `verdict`, `end`, each with its id",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="Go on after this event; 0 replays everything. Without it a stream of named"
        " runs opens with the newest event of each kind, one of all runs with what comes next.",
    ),
]
After = Annotated[
    str | None,
    Query(description="Like Last-Event-ID, for a browser's first connection; the header wins."),
]


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def all_events(
    store: StoreOf,
    hub: HubOf,
    run: Annotated[
        list[str] | None, Query(max_length=MAX_RUNS, description="Runs; all where none is named.")
    ] = None,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Stream the events of all runs, or of those named."""
    runs = frozenset(run) if run else None
    return await _stream(store, hub, runs, last_event_id or after)


@router.get("/runs/{run_id}/events", response_class=StreamingResponse, responses=_STREAM)
async def run_events(
    run_id: str,
    store: StoreOf,
    hub: HubOf,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Stream the events of one run."""
    return await _stream(store, hub, frozenset({run_id}), last_event_id or after)


async def _stream(
    store: Store, hub: EventHub, runs: frozenset[str] | None, given_id: str | None
) -> Response:
    for run_id in runs or ():
        await asyncio.to_thread(store.runs.get, run_id)
    after = None if given_id is None else await _known_id(store, given_id)
    hub.require_room()
    return EventSourceResponse(
        _bodies(store, hub, runs, after),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _known_id(store: Store, text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= _MAX_ID_DIGITS:
        latest = await asyncio.to_thread(store.events.latest_id)
        if int(text) <= latest:
            return int(text)
    detail = f"expected the id of an event that was sent, got {text[:40]!r}"
    raise HttpProblem(422, detail, errors=[{"header": "Last-Event-ID", "detail": detail}])


async def _bodies(
    store: Store, hub: EventHub, runs: frozenset[str] | None, after: int | None
) -> AsyncIterator[bytes]:
    async with hub.subscribe(runs) as subscription:
        yield format_sse_event(retry=RETRY_MILLISECONDS)
        sent = hub.last_id if after is None else after
        if after is not None:
            async for message in _stored(store, runs, after):
                sent = message.id
                yield message.body
        elif runs is not None:
            for message in await _newest(store, runs):
                sent = max(sent, message.id)
                yield message.body
        while (messages := await subscription.next(KEEP_ALIVE_SECONDS)) is not None:
            # What came in while the table was replayed has gone out already.
            fresh = [message for message in messages if message.id > sent]
            if fresh:
                sent = fresh[-1].id
                yield b"".join(message.body for message in fresh)
            else:
                yield KEEPALIVE_COMMENT


async def _stored(store: Store, runs: frozenset[str] | None, after: int) -> AsyncIterator[Message]:
    """Yield the messages after an id that the database holds, a batch at a time."""
    run_ids = None if runs is None else sorted(runs)
    while True:
        events = await asyncio.to_thread(store.events.after, after, run_ids, BATCH)
        for event in events:
            after = event.id
            yield message_of(event)
        if len(events) < BATCH:
            return


async def _newest(store: Store, runs: frozenset[str]) -> list[Message]:
    """Return each run's newest message of each kind, oldest first: how things stand."""
    newest: dict[tuple[str, str], Message] = {}
    async for message in _stored(store, runs, 0):
        newest[message.run, message.kind] = message
    return sorted(newest.values(), key=lambda message: message.id)
