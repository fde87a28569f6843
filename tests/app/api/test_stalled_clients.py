"""Clients that connect and do not go on: others are served, and they are let go."""

import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.commands.patience import PatientProtocol
from tests.app.api.conftest import settings_of
from tests.app.api.test_events import Server

STALLED_BODY = (
    b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n{"
)
OPENINGS = {"body": STALLED_BODY, "header": b"GET / HTTP/1.1\r\nHost: 127", "nothing": b""}


@contextlib.contextmanager
def stalled(url: str, **counts: int) -> Iterator[list[socket.socket]]:
    """Hold so many connections of every kind open."""
    with contextlib.ExitStack() as stack:
        sockets = []
        for kind, count in counts.items():
            for _ in range(count):
                place = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
                client = stack.enter_context(socket.create_connection(place, timeout=20))
                client.sendall(OPENINGS[kind])
                sockets.append(client)
        yield sockets


def seconds_until_closed(sockets: list[socket.socket]) -> float:
    began = time.monotonic()
    for client in sockets:
        with contextlib.suppress(ConnectionResetError):
            while client.recv(65536):
                pass
    return time.monotonic() - began


def seconds_of_health(url: str) -> float:
    began = time.monotonic()
    assert httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    return time.monotonic() - began


def test_a_client_that_stalls_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "request_seconds", 0.3)
    with (
        Server(settings_of(tmp_path, body_timeout=0.3)) as server,
        stalled(server.url, body=10, header=10, nothing=10) as sockets,
    ):
        assert seconds_of_health(server.url) < 1
        assert seconds_until_closed(sockets) < 5


def test_a_client_between_two_requests_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "request_seconds", 0.5)
    with Server(settings_of(tmp_path)) as server, httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            assert client.get("/healthz").status_code == 200


@pytest.mark.long
def test_five_hundred_stalled_bodies_and_idle_sockets_hold_nobody_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The server takes a thousand connections; one more is for the question after its health.
    kinds = {"body": 500, "header": 200, "nothing": 290}
    with Server(settings_of(tmp_path)) as server, stalled(server.url, **kinds) as sockets:
        # The best of three: other work on this machine is not what is measured.
        healthy = min(seconds_of_health(server.url) for _ in range(3))
        closed = seconds_until_closed(sockets)
    with capsys.disabled():
        sys.stdout.write(
            f"\nL12: {len(sockets)} sockets, health in {1000 * healthy:.0f} ms,"
            f" all closed after {closed:.1f} s\n"
        )
    assert healthy <= 0.3
    assert closed <= 15
