"""Dask's scheduler and workers as processes of their own on loopback, to be killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.blas import VARIABLES

END_SECONDS = 20.0
# Without its pages a worker still listens for a browser, on every address unless told otherwise.
LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DaskCluster:
    """A scheduler and some workers of one thread; what ends can be started again."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, workers: int = 2) -> None:
        """Start all of it.

        Args:
            folder: Where logs go.
            settings: GRADTIDE_ variables of the workers.
            workers: How many.
        """
        self._folder = folder
        # What a test's own environment says of a service is not the workers' affair.
        clean = {name: value for name, value in os.environ.items() if "GRADTIDE_" not in name}
        self._environment = {**clean, **dict.fromkeys(VARIABLES, "1"), **settings}
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker() for _ in range(workers)]

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "--port", port)
        return self.scheduler

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", self.address, "--nthreads", "1", "--no-nanny")

    def restart_ended(self) -> None:
        """Start anew what has ended, as a container engine does."""
        if self.scheduler.poll() is not None:
            self.start_scheduler()
        self.workers = [
            worker if worker.poll() is None else self.start_worker() for worker in self.workers
        ]

    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [self.scheduler, *self.workers]

    def close(self) -> None:
        for process in reversed(self.processes()):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(END_SECONDS)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "dask.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, *LOOPBACK],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
