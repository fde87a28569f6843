"""The client's streams of events, which outlive a break of the connection."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Final

import httpx

from app.client.answers import ProblemError, StreamedEvent, problem_of, read_events
from app.client.calls import Calls

PATIENCE: Final = 60.0
"""Seconds without a connection until a stream gives up."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
# A stream says something every 15 seconds, if only that it lives.
_TIMEOUT: Final = httpx.Timeout(10.0, read=45.0)
_BUSY: Final = frozenset({429, 502, 503, 504})


class StreamCalls(Calls):
    """What happens, as it happens."""

    def events(
        self,
        runs: Sequence[str] = (),
        *,
        last_event_id: int | None = None,
        patience: float = PATIENCE,
    ) -> Iterator[StreamedEvent]:
        """Yield events as they happen, of some runs or of all, without an end.

        Where the connection breaks, or the service is started anew, the stream goes on after the
        event seen last: none that comes after the first one is missed, none comes twice.

        Args:
            runs: Their ids; all runs where none is named.
            last_event_id: Go on after this event; 0 replays everything.
            patience: Seconds without a connection until it gives up.

        Raises:
            httpx.TransportError: The service cannot be reached, or no more.
            ProblemError: It refuses: an unknown run, no token.
        """
        seen, was_there = last_event_id, False
        broken: float | None = None
        opened = math.inf
        pause = FIRST_PAUSE
        while True:
            trouble: Exception = httpx.ReadError("the service has closed the stream")
            try:
                for event in self._stream(runs, seen):
                    if event is None:
                        was_there, opened = True, time.monotonic()
                        continue
                    seen, broken, pause = event.id, None, FIRST_PAUSE
                    yield event
            except (httpx.TransportError, ProblemError) as err:
                if not was_there or (isinstance(err, ProblemError) and err.status not in _BUSY):
                    raise
                trouble = err
            now = time.monotonic()
            if broken is None or now - opened > LONGEST_PAUSE:  # it was there, if silent
                broken, pause = now, FIRST_PAUSE
            if now - broken >= patience:
                raise trouble
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def follow(self, run_id: str, *, last_event_id: int | None = 0) -> Iterator[StreamedEvent]:
        """Yield the events of one run, from its first to its `end`; as `events` otherwise."""
        for event in self.events([run_id], last_event_id=last_event_id):
            yield event
            if event.kind == "end":
                return

    def _stream(self, runs: Sequence[str], last: int | None) -> Iterator[StreamedEvent | None]:
        """Yield None when the stream is open, then its events."""
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        params = {"run": list(runs)}
        with self._http.stream(
            "GET", "/api/v1/events", params=params, headers=headers, timeout=_TIMEOUT
        ) as answer:
            if answer.is_error:
                answer.read()
                raise problem_of(answer)
            yield None
            yield from read_events(answer.iter_lines())
