"""Object storage of the tests' own: moto's server, which speaks S3, on a free port of loopback."""

import contextlib
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.app.runs.small_runs import eventually

# A client looks for credentials on the network where it finds none here.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_REGION": "us-east-1",
}


class ObjectStorage:
    """A server that can be stopped; buckets are made for who asks."""

    def __init__(self, folder: Path, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}
        with (folder / "moto.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                env={**os.environ, **CREDENTIALS},
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, patience=120)

    def new_url(self) -> str:
        """Make a bucket and return the URL of a folder in it."""
        name = f"bucket-{uuid.uuid4().hex}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")
        urllib.request.urlopen(request).close()
        return f"s3://{name}/some/folder"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.endpoint}/").close()
            return True
        return False


@contextlib.contextmanager
def storing(folder: Path, port: int) -> Iterator[ObjectStorage]:
    server = ObjectStorage(folder, port)
    try:
        yield server
    finally:
        server.stop()
