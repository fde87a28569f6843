"""Both backends, one after the other, in one process."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from engine.compiled import SWITCH

Both = Callable[[Callable[[], Any]], tuple[Any, Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where numba has no wheels there is nothing to compare."""
    if find_spec("numba") is None:
        here = pytest.mark.skip(reason="numba is not installed: there is the plain path alone")
        for item in items:
            if "engine/compiled" in item.nodeid and "without" not in item.name:
                item.add_marker(here)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    """Return what calls a function on the plain path, and on the compiled one."""

    def run(function: Callable[[], Any]) -> tuple[Any, Any]:
        monkeypatch.setenv(SWITCH, "0")
        plain = function()
        monkeypatch.setenv(SWITCH, "1")
        return plain, function()

    return run
