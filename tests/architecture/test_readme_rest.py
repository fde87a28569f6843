"""The README's conversation over HTTP: its commands are run, its answers are the service's."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.architecture.tree import text
from tests.image.serving import free_port, serving

README = text(Path("README.md"))
SECTION = README.partition("over HTTP\n")[2].partition("\n## ")[0]
ADDRESS = "http://127.0.0.1:8000"
COMMANDS = re.findall(r"```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?", SECTION, re.DOTALL)
END_SECONDS = 120.0
# The numbers are a training's in float32: another processor's product may round otherwise.
TOLERANCE = 1e-3
NUMBER = re.compile(r"\d[\d.]*(e[-+]\d+)?")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("readme")
    port = free_port()
    environment = os.environ | {"GRADTIDE_DATA": str(folder / "data")}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    with serving(command, port=port, environment=environment, folder=folder) as service:
        yield service.url


def _shell(script: str, address: str, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, address)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | variables,
    )
    return done.stdout


def _same(found: object, told: object) -> None:
    if isinstance(told, dict):
        assert isinstance(found, dict)
        assert list(found) == list(told)
        for key, value in told.items():
            _same(found[key], value)
    elif isinstance(told, list):
        assert isinstance(found, list)
        assert len(found) == len(told)
        for mine, theirs in zip(found, told, strict=True):
            _same(mine, theirs)
    elif isinstance(told, float):
        assert found == pytest.approx(told, rel=TOLERANCE)
    elif isinstance(told, str):
        assert NUMBER.sub("#", str(found)) == NUMBER.sub("#", told)
    else:
        assert found == told


@pytest.mark.skipif(not shutil.which("curl"), reason="the README's commands need curl")
def test_the_commands_of_the_readme_get_the_answers_it_shows(address: str) -> None:
    (start, _none), *questions = COMMANDS
    assert len(questions) == 2
    run = _shell(f"{start}\necho $run", address).strip()
    deadline = time.monotonic() + END_SECONDS
    while httpx.get(f"{address}/api/v1/runs/{run}").json()["status"] != "succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for question, answer in questions:
        _same(json.loads(_shell(question, address, run=run)), json.loads(answer))
