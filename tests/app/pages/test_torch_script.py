"""The PyTorch program that pages show: run, its first loss is Gradtide's."""

import json
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from tests.js.test_javascript import node

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "static/js/pages/torch_script.js"
# float32 sums in another order differ in their last digits.
CLOSE = 1e-6

MODELS: dict[str, dict[str, Any]] = {
    "tanh": {"cell": "elman"},
    "two layers of relu": {"cell": "elman", "activation": "relu", "layers": 2},
    "sigmoid": {"cell": "elman", "activation": "sigmoid", "layers": 2},
    "leaky": {"cell": "elman", "activation": {"kind": "leaky_relu", "slope": 0.2}},
    "lstm": {"cell": "lstm", "layers": 2, "forget_bias": 1.0},
    "gru": {"cell": "gru"},
    "no bias": {"cell": "gru", "bias": False},
    "two directions of lstm": {"cell": "lstm", "layers": 2, "bidirectional": True},
    "two directions of relu": {"cell": "elman", "activation": "relu", "bidirectional": True},
}


def script_of(config: dict[str, Any]) -> str:
    """The program as the page writes it."""
    program = f"import {{ torchText }} from '{MODULE.as_uri()}';"
    program += f"process.stdout.write(torchText({json.dumps(config)}));"
    command = [node(), "--input-type=module", "--eval", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def default_dtype() -> Iterator[None]:
    """Give PyTorch back the type that a program sets for all that follows it."""
    torch = pytest.importorskip("torch", reason="PyTorch is a witness, in no constraints file")
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.mark.torch
@pytest.mark.parametrize("task", ["adding", "copy"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("default_dtype")
def test_the_first_loss_is_the_same(
    model: str, task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "task": {"kind": task, "length": 30},
        "model": {"hidden_size": 7, **MODELS[model]},
        "training": {"batch_size": 5, "precision": "float64"},
    }
    program = tmp_path / "program.py"
    program.write_text(script_of(engine.RunConfig.from_dict(given).to_dict()))
    runpy.run_path(str(program))
    printed = map(str.split, capsys.readouterr().out.splitlines())
    losses = {name: float(loss) for name, loss in printed}
    assert losses["PyTorch"] == pytest.approx(losses["Gradtide"], rel=CLOSE)


def test_two_directions_of_a_function_that_pytorch_lacks_are_said_to_be_missing() -> None:
    model = {"cell": "elman", "activation": "sigmoid", "bidirectional": True}
    config = engine.RunConfig.from_dict({"task": {"kind": "adding"}, "model": model})
    assert "no module for two directions of sigmoid" in script_of(config.to_dict())


def test_what_pytorch_lacks_is_said() -> None:
    config = engine.RunConfig.from_dict({"task": {"kind": "adding"}, "model": {"cell": "janet"}})
    assert "PyTorch has no module for the cell janet" in script_of(config.to_dict())
