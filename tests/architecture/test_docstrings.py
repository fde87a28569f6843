"""A statistic says how it is reduced, read and checked."""

import importlib
import re

import pytest

from engine.statistics import STATISTICS
from tests.architecture.tree import files, text

OBLIGATORY = (
    "Definition:",
    "Reduction:",
    "Axes:",
    "Scale:",
    "Range:",
    "How to read:",
    "Exact cases:",
    "Source:",
)
TESTS = "\n".join(text(path) for path in files("tests", suffix=".py"))


def _docstring(name: str) -> str:
    return importlib.import_module(f"engine.statistics.{name}").__doc__ or ""


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("word", OBLIGATORY)
def test_a_statistic_states(name: str, word: str) -> None:
    assert re.search(rf"^{word}", _docstring(name), flags=re.MULTILINE)


@pytest.mark.parametrize("name", STATISTICS)
def test_the_exact_cases_of_a_statistic_are_tests(name: str) -> None:
    section = _docstring(name).partition("Exact cases:")[2].partition("Source:")[0]
    named = re.findall(r"\btest_\w+", section)
    assert named
    for test in named:
        assert f"def {test}(" in TESTS, test


@pytest.mark.parametrize("name", STATISTICS)
def test_a_statistic_is_called_what_its_module_is(name: str) -> None:
    assert STATISTICS[name].name == name
