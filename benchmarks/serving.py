"""A server of the service in a process of its own, to be measured from outside."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 120.0
PATIENCE = 300.0


class Serving:
    """A server in a process of its own."""

    def __init__(self, data: Path) -> None:
        """Start it, with one worker."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        program = Path(sys.executable).with_name("gradtide")
        options = ["--port", str(self.port), "--data", str(data), "--workers", "1"]
        self.process = subprocess.Popen(
            [str(program), "serve", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=60)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/catalog").status_code == 200:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start")
            time.sleep(0.1)

    def close(self) -> None:
        """End it."""
        self.client.close()
        self.process.terminate()
        self.process.wait(30)

    def finish(self, config: dict[str, Any]) -> str:
        """Run a configuration to its end; return its id."""
        run = str(self.client.post("/runs", json=config).json()["id"])
        deadline = time.monotonic() + PATIENCE
        while (found := self.client.get(f"/runs/{run}").json())["status"] != "succeeded":
            if time.monotonic() > deadline or found["error"]:
                raise RuntimeError(f"the run is {found['status']}: {found['error']}")
            time.sleep(0.1)
        return run

    @property
    def resident(self) -> int:
        """Bytes of memory it holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
