"""`gradtide upload`, `datasets`, `models`, as they are typed."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.app.cli.test_cli import run, written
from tests.app.runs.small_runs import configuration


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a model in it, beside an empty store."""
    monkeypatch.setenv("GRADTIDE_DATA", str(tmp_path / "data"))
    (tmp_path / "load.csv").write_text("x,y\n" + "".join(f"{i % 5},{i}\n" for i in range(300)))
    save_file(
        {
            "rnn.weight_ih_l0": np.full((8, 1), 0.1, np.float32),
            "rnn.weight_hh_l0": np.full((8, 2), 0.1, np.float32),
        },
        tmp_path / "lstm.safetensors",
    )
    return tmp_path


def test_a_network_is_brought_and_trained_on_data_that_are_brought(files: Path) -> None:
    code, told = run("upload", "data", str(files / "load.csv"), "--column", "x")
    data = re.search(r"Data set ([0-9a-f-]{36})", told)
    assert code == 0
    assert data
    assert "left out: y, not chosen" in told
    code, told = run("upload", "model", str(files / "lstm.safetensors"), "--name", "mine")
    model = re.search(r"Model ([0-9a-f-]{36}): mine, lstm, 1 × 2 units, 1 inputs", told)
    assert code == 0
    assert model
    assert data[1] in run("datasets")[1]
    assert model[1] in run("models")[1]
    config = configuration(
        task={"kind": "series", "length": 10, "dataset": data[1]},
        model={"cell": "lstm", "hidden_size": 2, "bias": False, "from_model": model[1]},
        training={"steps": 2},
    )
    code, told = run("train", written(files, config))
    assert (code, "succeeded after 2 of 2 steps" in told) == (0, True)


def test_a_file_that_is_none_is_refused_in_words(files: Path) -> None:
    bad = files / "bad.csv"
    bad.write_text("a,b\n1\n")
    assert run("upload", "data", str(bad)) == (2, "line 2: expected 2 values, got 1\n")
    assert run("upload", "model", str(bad))[0] == 2
    assert "Nothing is here yet" in run("datasets")[1]
    assert "Nothing is here yet" in run("models")[1]
