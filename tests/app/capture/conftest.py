"""What the tests of watching share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.capture.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "data")
    yield served
    served.client.close()
    served.kill()
