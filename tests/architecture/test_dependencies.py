"""What is imported is declared, what is declared is imported, and the engine needs little."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, syntax

OURS = {"engine", "app"}
ENGINE_NEEDS = {"numpy", "annotated_types", "threadpoolctl"}
COMPILER = {"numba", "llvmlite"}  # of the extra `fast`, in one package alone
# Declared for another reason than an import of ours.
BY_ANOTHER_PART = {
    "fastapi-offline": "its copy of Swagger UI is served as files",
    "starlette": "a lower bound that FastAPI does not set",
}

# What a watched loop is written in: whoever imports what names it has it already.
BROUGHT_BY_THE_LOOP = {
    "torch": ("app/capture/keras.py", "app/capture/torch_steps.py"),
    "keras": ("app/capture/keras.py",),
}


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + [*extras["fast"], *extras["dask"], *extras["objects"]]
    return {re.split(r"[<>=~!\[; ]", line, maxsplit=1)[0] for line in lines}


def _imported(path: Path) -> set[str]:
    roots: set[str] = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return roots - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("path", files("engine", suffix=".py"), ids=str)
def test_the_engine_needs_numpy_and_no_more(path: Path) -> None:
    compiles = path.is_relative_to(Path("engine/compiled"))
    assert _imported(path) <= ENGINE_NEEDS | (COMPILER if compiles else set())


def test_what_is_imported_is_what_is_declared() -> None:
    provided = importlib.metadata.packages_distributions()
    roots = set().union(*(_imported(path) for path in files("app", "engine", suffix=".py")))
    declared = roots - set(BROUGHT_BY_THE_LOOP)
    names = {provided[root][0].lower().replace("_", "-") for root in declared}
    assert names - _declared() == set(), "imported, not declared"
    assert _declared() - names - set(BY_ANOTHER_PART) == set(), "declared, not imported"


@pytest.mark.parametrize("root", BROUGHT_BY_THE_LOOP)
def test_what_a_watched_loop_brings_is_imported_by_its_own_hooks_alone(root: str) -> None:
    places = [
        str(path) for path in files("app", "engine", suffix=".py") if root in _at_import(path)
    ]
    assert tuple(places) == BROUGHT_BY_THE_LOOP[root]


def _at_import(path: Path) -> set[str]:
    """Return what a module imports when it is imported itself."""
    found: set[str] = set()
    for node in syntax(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
