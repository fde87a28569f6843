"""Clients that cost little: HTTP over plain sockets, so that it is the server that is measured."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What so many connections got in a stretch of time.

    Attributes:
        seconds: Of each answer.
        statuses: That came, each once.
        bytes: Of one answer's body.
    """

    seconds: Sequence[float]
    statuses: frozenset[int]
    bytes: int
    wall: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share of the answers came."""
        return 1e3 * float(np.quantile(self.seconds, share)) if self.seconds else float("nan")


async def hammer(
    port: int,
    path: Callable[[int], str],
    *,
    seconds: float,
    connections: int = 16,
    headers: str = "",
) -> Answers:
    """Ask one address after the other over kept connections, as fast as answers come."""
    took: list[float] = []
    statuses: set[int] = set()
    size = 0
    began = time.perf_counter()
    until = began + seconds

    async def ask(first: int) -> None:
        nonlocal size
        number = first
        async with _connected(port, 2**22) as (reader, writer):
            while time.perf_counter() < until:
                sent = time.perf_counter()
                request = f"GET {path(number)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n"
                writer.write(request.encode())
                status, body = await _answer(reader)
                took.append(time.perf_counter() - sent)
                statuses.add(status)
                size = body
                number += connections

    await asyncio.gather(*(ask(each) for each in range(connections)))
    wall = time.perf_counter() - began
    return Answers(seconds=took, statuses=frozenset(statuses), bytes=size, wall=wall)


@contextlib.asynccontextmanager
async def _connected(
    port: int, limit: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, and hang up at the end however it comes: the loop may be closed right after."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Read one answer; return its status and the length of its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split(" ", 2)[1])
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if fields.get("transfer-encoding") == "chunked":
        return status, await _chunks(reader)
    length = int(fields.get("content-length", "0"))
    if length:
        await reader.readexactly(length)
    return status, length


async def _chunks(reader: asyncio.StreamReader) -> int:
    """Read a body that comes in chunks; return its length."""
    total = 0
    while length := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(length + 2)
        total += length
    await reader.readexactly(2)
    return total


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a crowd of event streams heard.

    Attributes:
        seconds: From an event's writing to each reader.
        events: How many came, over all streams.
    """

    seconds: Sequence[float]
    events: int


async def listen(
    port: int, path: str, *, clients: int, seconds: float, sent: dict[int, float]
) -> Heard:
    """Hold so many streams open; `sent` says when each event id was written."""
    heard: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        async with _connected(port, 2**20) as (reader, writer):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            while (left := until - time.perf_counter()) > 0:
                try:
                    line = await asyncio.wait_for(reader.readline(), left)
                except TimeoutError:
                    break
                if line.startswith(b"id: "):
                    written = sent.get(int(line[4:]))
                    if written is not None:
                        heard.append(time.perf_counter() - written)

    await asyncio.gather(*(one() for _ in range(clients)))
    return Heard(seconds=heard, events=len(heard))
