"""The API attacked from its own description: nothing in it may break, or lie about itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.api.conftest import CLASSIFYING, DIVERGING, SMALL, settings_of, train_into
from tests.app.api.test_events import Server

HERE = Path(__file__).parent
FIXED_SEED = 7


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A service over runs of its own: what is sent here renames and deletes them."""
    for config in (SMALL, DIVERGING, CLASSIFYING):
        train_into(tmp_path, config)
    with Server(settings_of(tmp_path, max_queue=1_000_000)) as server:
        yield server.url


def attack(url: str, *options: str) -> None:
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"]
    # A stream does not end: its own tests read it.
    command += ["--checks", "all", "--exclude-path-regex", "/events$", "--warnings", "off"]
    command += ["--continue-on-failure", "--no-color", *options]
    result = subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=False)
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr


def test_a_few_requests_of_every_kind_are_answered_as_described(url: str) -> None:
    attack(url, "-n", "3", "--seed", str(FIXED_SEED), "--phases", "examples,fuzzing")


@pytest.mark.long
def test_two_hundred_requests_of_every_kind_are_answered_as_described(url: str) -> None:
    attack(url, "-n", "200", "--phases", "examples,coverage,fuzzing,stateful")
