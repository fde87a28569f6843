"""A store of the test's own: on SQLite, and in the long run on PostgreSQL as well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import Store
from tests.app.store.stored_runs import new_store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").new_database()
    opened = new_store(tmp_path / "data", database_url=url)
    yield opened
    opened.close()
