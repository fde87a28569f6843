"""What `compose.yaml` starts, started here: its commands and variables, on loopback."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from app.store import open_store
from tests.app.postgres import Postgres
from tests.app.runs.dask_cluster import free_port
from tests.app.runs.small_runs import configuration, eventually, require_same_bits, status_is
from tests.architecture.tree import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# The image's own entry point, and the modules behind the programs.
PROGRAMS = {"gradtide": "app.cli", "dask": "dask"}
PATIENCE = 240.0


class Composed:
    """Processes as their containers would be, with this machine's names for the network's."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.database_url = database_url
        self._log = folder / "log"
        self._names = {
            "tcp://scheduler:8786": f"tcp://127.0.0.1:{(port := free_port())}",
            "8786": str(port),
            "scheduler": "127.0.0.1",
            "/tmp": str(folder),
        }
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, name: str) -> subprocess.Popen[str]:
        service = SERVICES[name]
        (program,) = service.get("entrypoint", ["gradtide"])
        verb, *options = service["command"]
        command = [verb, *(self._names.get(option, option) for option in options)]
        variables = {**service["environment"], "GRADTIDE_DATABASE_URL": self.database_url}
        # The image says these of itself, but for the address of a container.
        variables |= {"GRADTIDE_DATA": str(self.data), "GRADTIDE_PORT": "0"}
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", PROGRAMS[program], *command],
                env={**os.environ, **variables},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.communicate()


@pytest.fixture
def composed(tmp_path: Path, postgres: Postgres) -> Iterator[Composed]:
    made = Composed(tmp_path, postgres.new_database())
    yield made
    made.close()


def test_what_is_composed_trains_a_run(composed: Composed) -> None:
    service = composed.start("service")
    composed.start("scheduler")
    for _ in range(2):
        composed.start("worker")
    assert service.stdout is not None
    line = service.stdout.readline()
    assert line.startswith("Gradtide is at http://127.0.0.1:"), line
    config = configuration()
    request = urllib.request.Request(
        f"{line.split()[-1]}api/v1/runs",
        data=json.dumps(config).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        run = json.load(answer)["id"]
    store = open_store(Settings(data=composed.data, database_url=composed.database_url))
    eventually(status_is(store, run, "succeeded", "failed"), PATIENCE)
    require_same_bits(store, run, config)
    store.close()


def test_only_the_service_is_published_and_to_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"service": ["127.0.0.1:8000:8000"]}


@pytest.mark.parametrize("name", ["service", "scheduler", "worker"])
def test_containers_get_what_the_image_needs_and_no_more(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["data:/data"]
    known = {f"GRADTIDE_{field.upper()}" for field in Settings.model_fields}
    assert {key for key in service["environment"] if key.startswith("GRADTIDE_")} <= known


def test_no_password_stands_in_the_file() -> None:
    text = (ROOT / "compose.yaml").read_text()
    found = re.findall(r"(?:PASSWORD: |//gradtide:)(\S+?)(?::|$)", text)
    assert set(found) == {"${POSTGRES_PASSWORD"}
