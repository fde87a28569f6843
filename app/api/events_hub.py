"""One reader of the table of events for all streams: it polls, formats once, hands out bytes.

Workers are processes of their own and write events in the transaction of their cause; the table is
the only channel there is, so a stream that is resumed reads the same thing as one that never broke.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

from fastapi.sse import format_sse_event

from app.http_errors import HttpProblem
from app.store import Event, Store
from app.wire import to_json

# A fifth of what a reader notices. Where the database tells that nothing was written, it is asked
# no more than that.
POLL_SECONDS: Final = 0.02
# Elsewhere an indexed query each time, 20 a second while anybody listens.
QUERY_SECONDS: Final = 0.05
BATCH: Final = 500
# A client that reads slowly loses progress beyond this many waiting events, …
MAX_WAITING: Final = 16
# … and beyond this many of any kind its stream, which it resumes from the database.
MAX_BACKLOG: Final = 2048
_AFTER_AN_ERROR_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """An event as it goes out; `body` is made once for all streams."""

    id: int
    run: str
    kind: str
    body: bytes


def message_of(event: Event) -> Message:
    """Format an event for the wire."""
    data = to_json(event.data).decode()
    body = format_sse_event(data_str=data, event=event.kind, id=str(event.id))
    return Message(id=event.id, run=event.run, kind=event.kind, body=body)


@dataclass(eq=False, slots=True)
class Subscription:
    """One stream's waiting messages."""

    runs: frozenset[str] | None
    waiting: deque[Message] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def offer(self, message: Message) -> None:
        """Take a message in, or drop progress where the reader does not keep up."""
        if self.closed or (self.runs is not None and message.run not in self.runs):
            return
        if message.kind == "progress" and len(self.waiting) >= MAX_WAITING:
            return
        if len(self.waiting) >= MAX_BACKLOG:
            self.closed = True
        else:
            self.waiting.append(message)
        self.wake.set()

    def close(self) -> None:
        """End the stream once what waits has gone out."""
        self.closed = True
        self.wake.set()

    async def next(self, timeout: float) -> list[Message] | None:
        """Return what waits; an empty list after a quiet time-out, None at the end."""
        if not self.waiting and not self.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), timeout)
        self.wake.clear()
        messages = list(self.waiting)
        self.waiting.clear()
        return None if self.closed and not messages else messages


class EventHub:
    """Polls the table while anybody listens."""

    def __init__(self, store: Store, *, max_streams: int, interval: float = POLL_SECONDS) -> None:
        self._events = store.events
        self._max_streams = max_streams
        self._interval = interval
        # What the database's version was when the last event of it had been read.
        self._version: int | None = None
        self._subscriptions: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._last_id = 0
        self._closed = False

    @property
    def last_id(self) -> int:
        """Everything up to this id has been handed out."""
        return self._last_id

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return len(self._subscriptions)

    def require_room(self) -> None:
        """Refuse a stream too many before its answer begins.

        Raises:
            HttpProblem: 503 where as many are open as the settings allow.
        """
        if len(self._subscriptions) >= self._max_streams:
            raise HttpProblem(
                503,
                f"{self._max_streams} event streams are open already",
                headers={"Retry-After": "10"},
            )

    @contextlib.asynccontextmanager
    async def subscribe(self, runs: frozenset[str] | None) -> AsyncIterator[Subscription]:
        """Open a stream of all runs (None) or of some."""
        with self._seat(runs) as subscription:
            await self._start()
            yield subscription

    @contextlib.contextmanager
    def _seat(self, runs: frozenset[str] | None) -> Iterator[Subscription]:
        subscription = Subscription(runs, closed=self._closed)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def _start(self) -> None:
        async with self._starting:
            if self._task is None or self._task.done():
                self._last_id = await asyncio.to_thread(self._events.latest_id)
                self._task = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while self._subscriptions and not self._closed:
            try:
                events = await asyncio.to_thread(self._look)
            except Exception:
                log.exception("the table of events could not be read; trying again")
                await asyncio.sleep(_AFTER_AN_ERROR_SECONDS)
                continue
            for event in events:
                self._last_id = event.id
                message = message_of(event)
                for subscription in tuple(self._subscriptions):
                    subscription.offer(message)
            if len(events) < BATCH:
                rest = self._interval if self._version is not None else QUERY_SECONDS
                await asyncio.sleep(rest)

    def _look(self) -> list[Event]:
        """Return the events since the last one; looks for them only where something was written."""
        version = self._events.version()
        if version is not None and version == self._version:
            return []
        # The version is the older of the two: what is written now is looked for once more.
        found = self._events.after(self._last_id, None, BATCH)
        self._version = version if len(found) < BATCH else None
        return found

    def close(self) -> None:
        """End every stream, so that a server that stops need not wait for its readers."""
        self._closed = True
        for subscription in tuple(self._subscriptions):
            subscription.close()

    async def stop(self) -> None:
        """Close, and wait for the poller."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
