"""What the document on extending says is done in a copy of the tree, and the copy is used."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

TEXT = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"```python file=(\S+)\n(.*?)```", TEXT, re.DOTALL))
LINES = dict(re.findall(r"```text line=(\S+)\n(.*?)```", TEXT, re.DOTALL))
LAST = {
    "engine/cells/__init__.py": '        "lem": lem.DEFINITION,\n',
    "engine/statistics/__init__.py": '        "weight_geometry": weight_geometry.STATISTIC,\n',
    "app/figures/__init__.py": "            activation_product.FIGURE,\n",
}
"""The line after which the new one stands."""

SECONDS = 300.0
CONFIG = {
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
from engine.tasks.base import Batch

config = engine.RunConfig.from_dict(json.loads(sys.argv[1]))
result = engine.record(config)
assert "fading" in [cell["name"] for cell in engine.catalog()["cells"]]
weights = {n: np.zeros_like(v) for n, v in result.parameters.items()}
rng = np.random.default_rng(0)
still = engine.trace("fading", weights, rng.normal(size=(5, 2, 2)), targets=np.zeros((5, 2, 1)),
                     loss="mean_squared_error")
network = Network(make_cell("fading"), inputs=2, hidden=4, outputs=3, dtype="float64")
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
    for folder in ("engine", "app"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("templates", "static"):
        (copy / folder).symlink_to(ROOT / folder)
    for name, content in FILES.items():
        assert not (copy / name).exists()
        (copy / name).write_text(content)
    for name, line in LINES.items():
        registry = (copy / name).read_text()
        module = line.strip().rpartition(": ")[2].partition(".")[0]
        package = ".".join(Path(name).parent.parts)
        assert registry.count(LAST[name]) == 1
        registry = registry.replace(LAST[name], LAST[name] + line)
        registry = registry.replace(
            f"from {package} import (\n", f"from {package} import (\n    {module},\n", 1
        )
        (copy / name).write_text(registry)
    return copy


def _run(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "GRADTIDE_COMPILED": "0"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_a_file_and_a_line_for_each() -> None:
    assert [Path(name).parent for name in FILES] == [Path(name).parent for name in LINES]
    assert set(LINES) == set(LAST)


def test_the_cell_trains_exactly_and_the_statistic_is_recorded(tree: Path) -> None:
    found = json.loads(_run(tree, "-c", USE, json.dumps(CONFIG)))
    assert Path(found["file"]).is_relative_to(tree)
    assert found["frames"] == [3, 1, 9]
    assert found["still"]
    assert found["error"] < 1e-6


def test_the_figure_is_drawn_of_a_stored_run(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    data = str(tmp_path / "data")
    _run(tree, "-m", "app.cli", "train", str(tmp_path / "config.json"), "--data", data)
    traces, title = json.loads(_run(tree, "-c", DRAW, data).splitlines()[-1])
    assert traces > 0
    assert title == "Norm of the state"
