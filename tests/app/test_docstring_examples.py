"""Examples in the application's docstrings are true."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

import app

ROOT = Path(next(iter(app.__path__)))
MODULES = sorted(
    ".".join(["app", *path.relative_to(ROOT).with_suffix("").parts])
    for path in ROOT.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_hold(name: str) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, extraglobs={"np": np})
    assert tried > 0
    assert failed == 0
