"""A service in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from app.client import Client

SECONDS = 60.0


class Served:
    """A service in a process of its own, which can be killed and started again."""

    def __init__(self, data: Path, *, token: str = "") -> None:
        self.data, self.token = data, token
        self.port = 0
        self.start()
        self.client = Client(self.url, token=token or None, timeout=SECONDS)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "app.cli", "serve", "--workers", "0"]
        environment = {
            **os.environ,
            "GRADTIDE_DATA": str(self.data),
            "GRADTIDE_PORT": str(self.port),
            "GRADTIDE_TOKEN": self.token,
        }
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "http://127.0.0.1:" in line:
                self.port = int(line.split("http://127.0.0.1:")[1].split("/")[0].split()[0])
                return
        raise AssertionError("the service did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
