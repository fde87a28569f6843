"""A store of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import Store
from tests.app.store.stored_runs import new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "data")
    yield opened
    opened.close()
