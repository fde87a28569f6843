"""What the document on extending says is done in a copy of the tree, and the copy is used."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT

TEXT = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"```python file=(\S+)\n(.*?)```", TEXT, re.DOTALL))
LINES = re.findall(r"```text line=(\S+)\n(.*?)```", TEXT, re.DOTALL)
LAST = {
    "engine/cells/__init__.py": '        "lem": lem.DEFINITION,\n',
    "tests/reference/cells/__init__.py": '        "lru": two_speeds.LRU,\n',
    "tests/engine/test_closed_forms.py": '    "lru": _lru,\n',
    "engine/compiled/twins.py": '        "gru": (gru.TWIN,),\n',
    "engine/statistics/__init__.py": '        "weight_geometry": weight_geometry.STATISTIC,\n',
    "app/figures/__init__.py": "            activation_product.FIGURE,\n",
}
"""The line after which the new one stands."""

SECONDS = 300.0
CONFIG: dict[str, Any] = {
    "name": "extended",
    "task": {"kind": "adding", "length": 9},
    "model": {"cell": "fading", "hidden_size": 4},
    "training": {"steps": 4, "batch_size": 3, "precision": "float64"},
    "recording": {"every": 2, "probe_size": 2, "statistics": ["hidden_norm"]},
}
USE = """
import json, sys
import numpy as np
import engine
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.compiled import twin_of
from engine.tasks.base import Batch

config = engine.RunConfig.from_dict(json.loads(sys.argv[1]))
cell = sys.argv[2]
result = engine.record(config)
assert cell in [each["name"] for each in engine.catalog()["cells"]]
weights = {n: np.zeros_like(v) for n, v in result.parameters.items()}
rng = np.random.default_rng(0)
still = engine.trace(cell, weights, rng.normal(size=(5, 2, 2)), targets=np.zeros((5, 2, 1)),
                     loss="mean_squared_error")
network = Network(make_cell(cell), inputs=2, hidden=4, outputs=3, dtype="float64")
place = {n: rng.normal(size=s) for n, s in network.parameter_shapes.items()}
batch = Batch(rng.normal(size=(7, 2, 2)), rng.integers(0, 3, (7, 2)), np.ones((7, 2), bool))
sweep = Sweep(network, length=7, batch=2)
way = {n: rng.normal(size=v.shape) for n, v in place.items()}
losses = []
for step in (1e-6, -1e-6):
    network.load({n: place[n] + step * way[n] for n in place})
    losses.append(sweep.forward(batch, "cross_entropy").value)
network.load(place)
sweep.forward(batch, "cross_entropy")
sweep.backward()
along = sum(float(np.vdot(network.gradients()[n], way[n])) for n in place)
print(json.dumps({
    "file": engine.__file__,
    "frames": result.statistic("hidden_norm").values.shape,
    "still": bool(np.all(still.statistic("hidden_norm") == -np.inf)),
    "twin": twin_of(make_cell(cell)) is not None,
    "compiled": engine.backend() != "plain",
    "error": abs(along - (losses[0] - losses[1]) / 2e-6) / abs(along),
}))
"""
DRAW = """
import json, sys
from app.figures import FIGURES, FigureOptions, load
from app.settings import Settings
from app.store import open_store
store = open_store(Settings(data=sys.argv[1]))
(run,) = [store.runs.get(run_id) for run_id in store.runs.ids()]
figure = FIGURES["hidden_norm"]
drawn = figure.draw(load(store, [run.id], figure, FigureOptions()), FigureOptions())
print(json.dumps([len(drawn.data), drawn.layout.title.text]))
store.close()
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the files and lines of the document."""
    copy = tmp_path_factory.mktemp("extended")
    for folder in ("engine", "app", "tests/engine", "tests/reference"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("templates", "static", "pyproject.toml", "tests/conftest.py"):
        (copy / name).symlink_to(ROOT / name)
    for name, content in FILES.items():
        assert not (copy / name).exists()
        (copy / name).write_text(content)
    for name, line in LINES:
        registry = (copy / name).read_text()
        module = line.strip().rpartition(": ")[2].partition(".")[0].strip("(")
        package = ".".join(Path(name).parent.parts)
        assert registry.count(LAST[name]) == 1
        registry = registry.replace(LAST[name], LAST[name] + line)
        registry = registry.replace(
            f"from {package} import (\n", f"from {package} import (\n    {module},\n", 1
        )
        (copy / name).write_text(registry)
    return copy


def _run(tree: Path, *arguments: str, compiled: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "GRADTIDE_COMPILED": str(int(compiled))},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_a_file_and_a_line_for_each() -> None:
    assert [Path(name).parent for name in FILES] == [
        Path(name).parent for name, _ in LINES if "test_" not in name
    ]
    assert {name for name, _ in LINES} == set(LAST)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("cell", ["fading", "paired"])
def test_the_cell_trains_exactly_and_the_statistic_is_recorded(
    tree: Path, cell: str, compiled: bool
) -> None:
    if compiled:
        pytest.importorskip("numba")
    config = {**CONFIG, "model": {**CONFIG["model"], "cell": cell}}
    found = json.loads(_run(tree, "-c", USE, json.dumps(config), cell, compiled=compiled))
    assert Path(found["file"]).is_relative_to(tree)
    assert found["frames"] == [3, 1, 9]
    assert found["still"]
    assert found["error"] < 1e-6
    assert (found["compiled"], found["twin"]) == (compiled, compiled and cell == "fading")


def test_the_tests_of_every_cell_hold_the_new_ones(tree: Path) -> None:
    files = ["tests/engine/test_closed_forms.py", "tests/engine/cells/test_cell_contract.py"]
    chosen = ["-k", "fading or paired", "-n0", "-p", "no:cacheprovider"]
    assert " passed" in _run(tree, "-m", "pytest", "-q", *files, *chosen).splitlines()[-1]


def test_the_figure_is_drawn_of_a_stored_run(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    data = str(tmp_path / "data")
    _run(tree, "-m", "app.cli", "train", str(tmp_path / "config.json"), "--data", data)
    traces, title = json.loads(_run(tree, "-c", DRAW, data).splitlines()[-1])
    assert traces > 0
    assert title == "Norm of the state"
