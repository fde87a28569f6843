"""What the service's tests share: a PostgreSQL, started when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.app.postgres import Postgres, programs, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if programs() is None:
        pytest.skip("PostgreSQL's programs are not installed: apt-get install postgresql")
    with running() as server:
        yield server
