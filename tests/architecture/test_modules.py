"""Names, sizes and doors of the modules."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.architecture.tree import files, syntax, text

# A name that says nothing gathers everything.
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core"}
# The guidance is 250 (Python) and 200 (JavaScript): a fifth over it is a module to split by noun.
PYTHON_LINES = 300
SCRIPT_LINES = 240
TEMPLATE_LINES = 180

MODULES = files("engine", "app", suffix=".py")
PACKAGES = [path for path in MODULES if path.name == "__init__.py"]
SCRIPTS = files("static", suffix=".js")
TEMPLATES = files("templates", suffix=".html")


@pytest.mark.parametrize("path", MODULES + SCRIPTS, ids=str)
def test_a_module_is_named_for_what_it_holds(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert path.parent.name not in FORBIDDEN_NAMES


@pytest.mark.parametrize(
    ("path", "lines"),
    [(p, PYTHON_LINES) for p in MODULES]
    + [(p, SCRIPT_LINES) for p in SCRIPTS]
    + [(p, TEMPLATE_LINES) for p in TEMPLATES],
    ids=str,
)
def test_a_file_stays_within_its_budget(path: Path, lines: int) -> None:
    assert len(text(path).splitlines()) <= lines


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(syntax(path))


@pytest.mark.parametrize("path", PACKAGES, ids=str)
def test_a_package_exports_what_it_imports_and_nothing_that_is_not_there(path: Path) -> None:
    package = importlib.import_module(".".join(path.parent.parts))
    imports = [node for node in syntax(path).body if isinstance(node, ast.ImportFrom)]
    own = [n for n in imports if (n.module or "").startswith(path.parts[0])]
    exported = getattr(package, "__all__", None)
    assert exported is not None or not own, "a package with names to offer lists them in __all__"
    for name in exported or ():
        assert hasattr(package, name)
    assert len(set(exported or ())) == len(exported or ())


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", files("app", suffix=".py"), ids=str)
def test_the_service_imports_the_engine_by_its_door_alone(path: Path) -> None:
    assert not {name for name in _imported(path) if name.startswith("engine.")}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_cve_2024_37052_no_module_loads_pickles(path: Path) -> None:
    assert _imported(path).isdisjoint({"pickle", "cPickle", "dill", "cloudpickle", "shelve"})
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


REGISTERED_KINDS = ("cells", "statistics")


@pytest.mark.parametrize("kind", REGISTERED_KINDS)
def test_a_registered_module_imports_none_of_its_siblings(kind: str) -> None:
    folder = Path("engine") / kind
    package = importlib.import_module(f"engine.{kind}")
    registry = getattr(package, kind.upper())
    members = {f"engine.{kind}.{name}" for name in registry}
    for path in MODULES:
        if path.parent == folder and path.stem in registry:
            assert _imported(path).isdisjoint(members), path
