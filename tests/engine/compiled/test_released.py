"""Compiled loops let other threads run: each lets go of the interpreter while it computes."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import engine.compiled


def loops() -> Iterator[tuple[str, object]]:
    """Yield every compiled function of the package, with its name."""
    for module in pkgutil.iter_modules(engine.compiled.__path__):
        found = importlib.import_module(f"engine.compiled.{module.name}")
        for name, value in vars(found).items():
            if hasattr(value, "targetoptions"):
                yield f"{module.name}.{name}", value


def test_every_loop_lets_go_of_the_interpreter() -> None:
    pytest.importorskip("numba")
    options = {name: value.targetoptions for name, value in loops()}  # type: ignore[attr-defined]  # of a dispatcher
    assert len(options) > 20
    assert [name for name, chosen in options.items() if not chosen.get("nogil")] == []
