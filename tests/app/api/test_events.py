"""Streams of events: live, replayed, resumed after the server was started anew."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
import uvicorn

from app.api import events as routes
from app.api.events_hub import BATCH, MAX_WAITING, EventHub, Message, Subscription
from app.client import Client, ProblemError, StreamedEvent, read_events
from app.commands.serve import configured
from app.main import create_app
from app.settings import Settings
from app.store import Store, open_store
from tests.app.api.conftest import SMALL, settings_of

PATIENCE = 60.0


class Server:
    """Uvicorn in a thread, on a free loopback port; it can be started again on the same store."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self._listener = socket.socket(proto=socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = configured(self.app, settings)
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )

    def __enter__(self) -> "Server":
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self._server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        # A test's streams are closed by now; what is left open would only delay the stop.
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the server did not stop"


def take(stream: Iterator[StreamedEvent], count: int) -> list[StreamedEvent]:
    """Return the next events of a stream and close it."""
    found = [next(stream) for _ in range(count)]
    stream.close()  # type: ignore[attr-defined]  # a generator
    return found


def say(store: Store, run: str, kind: str, **data: Any) -> int:  # noqa: ANN401  # an event's data
    """Append an event as a worker does, and return its id."""
    with store.database.write() as connection:
        store.events.append(connection, run, kind, **data)
    return store.events.latest_id()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Server, Client, Store]]:
    """A server whose runs stay queued, a client, and the store behind it."""
    with Server(settings_of(tmp_path)) as server, Client(server.url) as client:
        yield server, client, server.app.state.store


def test_an_event_reaches_a_stream_soon(served: tuple[Server, Client, Store]) -> None:
    _, client, store = served
    run = client.create_run(SMALL)["id"]
    stream = client.events([run])
    assert next(stream).data == {"run": run, "status": "queued"}
    before = time.monotonic()
    sent = say(store, run, "frame", step=4)
    event = next(stream)
    latency = time.monotonic() - before
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert (event.id, event.kind, event.data) == (sent, "frame", {"run": run, "step": 4})
    assert latency < 0.5  # polled every 50 ms; the rest is a busy machine


def test_a_stream_goes_on_after_the_last_id(served: tuple[Server, Client, Store]) -> None:
    _, client, store = served
    run = client.create_run(SMALL)["id"]
    ids = [say(store, run, "frame", step=step) for step in range(5)]
    events = take(client.events([run], last_event_id=ids[1]), 3)
    assert [event.id for event in events] == ids[2:]


def test_a_stream_is_resumed_after_the_server_was_started_anew(tmp_path: Path) -> None:
    with Server(settings_of(tmp_path)) as server, Client(server.url) as client:
        run = client.create_run(SMALL)["id"]
        say(server.app.state.store, run, "frame", step=0)
        seen = take(client.events([run], last_event_id=0), 2)
    store = open_store(settings_of(tmp_path))
    missed = say(store, run, "frame", step=2)
    store.close()
    with Server(settings_of(tmp_path)) as server, Client(server.url) as client:
        stream = client.events([run], last_event_id=seen[-1].id)
        first = next(stream)
        later = say(server.app.state.store, run, "frame", step=4)
        events = [first, *take(stream, 1)]
    assert [event.id for event in events] == [missed, later]


def test_a_replay_longer_than_a_batch_is_whole(served: tuple[Server, Client, Store]) -> None:
    _, client, store = served
    run = client.create_run(SMALL)["id"]
    count = 2 * BATCH + 3
    with store.database.write() as connection:
        for step in range(count):
            store.events.append(connection, run, "frame", step=step)
    events = take(client.events([run], last_event_id=0), count + 1)
    assert [event.data.get("step") for event in events] == [None, *range(count)]


def test_a_new_stream_opens_with_how_things_stand(served: tuple[Server, Client, Store]) -> None:
    _, client, store = served
    run = client.create_run(SMALL)["id"]
    for step in range(3):
        say(store, run, "frame", step=step)
    say(store, run, "progress", step=2, loss=float("inf"))
    events = take(client.events([run]), 3)
    assert [(event.kind, event.data.get("step")) for event in events] == [
        ("status", None),
        ("frame", 2),
        ("progress", 2),
    ]
    assert events[-1].data["loss"] == "Infinity"


def test_a_stream_of_some_runs_is_silent_about_others(
    served: tuple[Server, Client, Store],
) -> None:
    _, client, store = served
    mine, other = (client.create_run(SMALL)["id"] for _ in range(2))
    stream = client.events([mine], last_event_id=store.events.latest_id())
    say(store, other, "frame", step=1)
    sent = say(store, mine, "frame", step=2)
    assert [event.id for event in take(stream, 1)] == [sent]


def test_many_streams_hear_of_every_event(served: tuple[Server, Client, Store]) -> None:
    _, client, store = served
    run = client.create_run(SMALL)["id"]
    after = store.events.latest_id()
    streams = [client.events(last_event_id=after) for _ in range(8)]
    sent = [say(store, run, "frame", step=step) for step in range(20)]
    heard = [[event.id for event in take(stream, 20)] for stream in streams]
    assert heard == [sent] * 8


def test_a_whole_run_can_be_followed_to_its_end(tmp_path: Path) -> None:
    with Server(settings_of(tmp_path, workers=1)) as server, Client(server.url) as client:
        run = client.create_run(SMALL)["id"]
        kinds: list[str] = []
        steps: list[int] = []
        for event in client.events([run], last_event_id=0):
            kinds.append(event.kind)
            if event.kind == "frame":
                steps.append(event.data["step"])
                shape = client.statistic(run, "hidden_gradient", step=event.data["step"]).values
                assert shape.shape == (1, 2, 12, 5), "a frame can be read once its event is out"
            if event.kind == "end":
                break
        assert client.run(run)["status"] == "succeeded"
    assert steps == [0, 2, 4, 6]
    assert {"status", "progress", "frame", "verdict", "end"} == set(kinds)


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 30, "99999", "٣", " "])
async def test_a_bad_last_event_id_is_422(client: httpx.AsyncClient, last: str) -> None:
    headers = {b"Last-Event-ID": last.encode()}
    answer = await client.get("/api/v1/events", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["header"]) == (422, "Last-Event-ID")


def test_a_reader_of_a_deleted_run_may_go_on(served: tuple[Server, Client, Store]) -> None:
    _, client, store = served
    kept, deleted = (client.create_run(SMALL)["id"] for _ in range(2))
    seen = say(store, deleted, "frame", step=1)
    client.cancel(deleted)
    client.delete(deleted)
    stream = client.events(last_event_id=seen)
    sent = say(store, kept, "frame", step=2)
    assert [event.id for event in take(stream, 1)] == [sent]


def test_an_unknown_run_has_no_stream(served: tuple[Server, Client, Store]) -> None:
    with pytest.raises(ProblemError) as refused:
        next(served[1].events(["nobody"]))
    assert refused.value.status == 404


def test_one_stream_too_many_is_503(tmp_path: Path) -> None:
    with Server(settings_of(tmp_path, max_streams=1)) as server, Client(server.url) as client:
        run = client.create_run(SMALL)["id"]
        stream = client.events([run])
        next(stream)
        with pytest.raises(ProblemError) as refused:
            next(client.events([run]))
        stream.close()  # type: ignore[attr-defined]  # a generator
    assert refused.value.status == 503


def test_a_stream_says_how_to_come_back_and_that_it_lives(
    served: tuple[Server, Client, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "KEEP_ALIVE_SECONDS", 0.05)
    url = f"{served[0].url}/api/v1/events"
    with httpx.stream("GET", url, timeout=PATIENCE) as answer:
        lines = answer.iter_lines()
        opening = [next(lines) for _ in range(3)]
        kind = answer.headers["content-type"]
    assert opening == ["retry: 2000", "", ": ping"]
    assert kind.startswith("text/event-stream")


def test_closing_the_hub_ends_every_stream(served: tuple[Server, Client, Store]) -> None:
    server, client, _ = served
    run = client.create_run(SMALL)["id"]
    stream = client.events([run], patience=0.0)
    next(stream)
    server.app.state.hub.close()
    with pytest.raises(httpx.ReadError, match="closed the stream"):
        next(stream)


def test_the_client_goes_on_by_itself_where_a_stream_breaks(
    served: tuple[Server, Client, Store],
) -> None:
    server, client, store = served
    run = client.create_run(SMALL)["id"]
    stream = client.events([run], last_event_id=0)
    first = next(stream)
    hub = server.app.state.hub
    for subscription in [*hub._subscriptions]:
        subscription.close()
    sent = [say(store, run, "frame", step=step) for step in range(3)]
    assert [event.id for event in (first, *take(stream, 3))] == [first.id, *sent]


def test_a_run_is_followed_from_its_first_event_to_its_end(
    served: tuple[Server, Client, Store],
) -> None:
    _, client, _ = served
    run = client.create_run(SMALL)["id"]
    client.cancel(run)
    assert [event.kind for event in client.follow(run)][-1] == "end"


def message(number: int, kind: str) -> Message:
    """Return a message of run r."""
    return Message(id=number, run="r", kind=kind, body=b"")


def test_a_slow_reader_loses_progress_but_no_frame() -> None:
    subscription = Subscription(frozenset({"r"}))
    for number in range(100):
        subscription.offer(message(number, "progress" if number % 2 else "frame"))
    kinds = [waiting.kind for waiting in subscription.waiting]
    assert (kinds.count("frame"), kinds.count("progress")) == (50, MAX_WAITING // 2)


async def test_a_reader_that_never_reads_is_let_go_and_can_resume() -> None:
    subscription = Subscription(None)
    for number in range(5000):
        subscription.offer(message(number, "frame"))
    first = await subscription.next(0)
    assert first is not None
    assert [waiting.id for waiting in first] == list(range(len(first)))
    assert await subscription.next(0) is None


async def test_the_poller_outlives_an_error_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(settings_of(tmp_path))
    hub = EventHub(store, max_streams=1, interval=0.01)
    monkeypatch.setattr("app.api.events_hub._AFTER_AN_ERROR_SECONDS", 0.01)
    real, failures = store.events.after, iter([True, True, False])

    def failing(*args: Any) -> Any:  # noqa: ANN401  # the store's own
        if next(failures, False):
            raise OSError("disk I/O error")
        return real(*args)

    monkeypatch.setattr(store.events, "after", failing)
    async with hub.subscribe(None) as subscription:
        run, _ = store.runs.create({"name": "x"}, {})
        messages = await subscription.next(PATIENCE)
    await hub.stop()
    store.close()
    assert messages is not None
    assert [found.run for found in messages] == [run.id]


async def test_a_database_to_which_nothing_is_written_is_not_asked_for_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(settings_of(tmp_path))
    hub = EventHub(store, max_streams=1, interval=0.001)
    looks, queries = Mock(wraps=store.events.version), Mock(wraps=store.events.after)
    monkeypatch.setattr(store.events, "version", looks)
    monkeypatch.setattr(store.events, "after", queries)
    async with hub.subscribe(None) as subscription:
        store.runs.create({"name": "x"}, {})
        assert await subscription.next(PATIENCE)
        asked = []
        for _ in range(2):
            seen = looks.call_count
            async with asyncio.timeout(PATIENCE):
                while looks.call_count < seen + 5:
                    await asyncio.sleep(0.001)
            asked.append(queries.call_count)
        store.runs.create({"name": "y"}, {})
        assert await subscription.next(PATIENCE)
    await hub.stop()
    store.close()
    assert asked[0] == asked[1]


def test_lines_of_a_stream_are_read_as_events() -> None:
    lines = iter(["retry: 2000", "", ": ping", "", "event: end", 'data: {"run":"a"}', "id: 7", ""])
    assert list(read_events(lines)) == [StreamedEvent(id=7, kind="end", data={"run": "a"})]
