"""Start an installed Gradtide as another process, and stop it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

START_SECONDS = 90.0  # a machine under load is slow to start one
STOP_SECONDS = 10.0  # Docker's grace before it kills


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A running service: its address, its process, and where its output goes."""

    url: str
    pid: int
    log: Path


def _innermost(pid: int) -> int:
    """Return the process that a wrapper (bubblewrap) waits for: it passes no signal on itself."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


@contextmanager
def serving(
    command: Sequence[str],
    *,
    port: int,
    environment: dict[str, str],
    folder: Path,
    wrapped: bool = False,
) -> Iterator[Process]:
    """Run a command until its service answers; end it by SIGTERM and demand a clean exit."""
    with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False, dir=folder) as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline, Path(log.name).read_text()
            try:
                if httpx.get(f"{url}/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        served = _innermost(process.pid) if wrapped else process.pid
        yield Process(url=url, pid=served, log=Path(log.name))
    finally:
        if process.poll() is None:
            os.kill(_innermost(process.pid) if wrapped else process.pid, signal.SIGTERM)
        try:
            code: int | None = process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
    assert code == 0, f"exit {code} after SIGTERM: {Path(log.name).read_text()}"
