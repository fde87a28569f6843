"""The command line, as it is typed."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.cli import app
from app.commands.serve import address_of
from app.commands.settings import settings_from, with_token
from app.commands.starter import queue_starter
from app.commands.train import assign, load_configuration
from app.runs.service import described
from app.runs.starter import starter_configurations
from app.settings import Settings
from app.store import open_store
from app.store.tables import runs
from engine import RunConfig
from tests.app.runs.small_runs import configuration, endless, eventually, require_same_bits

runner = CliRunner()


def run(*arguments: str) -> tuple[int, str]:
    result = runner.invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def written(folder: Path, config: dict[str, Any]) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return str(path)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("GRADTIDE_DATA", str(folder))
    return folder


def test_training_in_the_foreground_stores_the_run_and_prints_the_verdict(
    data: Path, tmp_path: Path
) -> None:
    config = configuration()
    code, output = run("train", written(tmp_path, config), "--set", "seed=5")
    assert code == 0
    assert "succeeded after 40 of 40 steps, final loss" in output
    assert "Gradient" in output
    store = open_store(Settings(data=data))
    found = store.runs.page()[0]
    assert [each.status for each in found] == ["succeeded"]
    require_same_bits(store, found[0].id, config | {"seed": 5})
    store.close()


def test_a_diverging_run_is_reported_and_no_failure(data: Path, tmp_path: Path) -> None:
    training = {"optimizer": {"kind": "sgd", "learning_rate": 1e3}, "clipping": None}
    config = configuration(training=training, model={"cell": "elman", "activation": "relu"})
    code, output = run("train", written(tmp_path, config))
    assert (code, output.count("diverged after")) == (0, 1)


def test_a_run_is_exported_by_how_its_id_begins(data: Path, tmp_path: Path) -> None:
    assert run("train", written(tmp_path, configuration()))[0] == 0
    store = open_store(Settings(data=data))
    made = store.runs.page()[0][0]
    loss = store.arrays.read(made.id, "loss").values
    store.close()
    file = tmp_path / "run.npz"
    assert run("export", made.id[:8], "-o", str(file))[0] == 0
    with np.load(file, allow_pickle=False) as found:
        assert found["loss"].tobytes() == loss.tobytes()
    assert run("export", made.id[:8], "-o", str(file), "--format", "xlsx")[0] == 2
    assert run("export", "nothing", "-o", str(file))[0] == 1
    assert run("export", made.id[:8], "-o", str(file / "no folder"))[0] == 1
    assert run("export", made.id[:8], "-o", str(tmp_path / "new" / "folder" / "run.npz"))[0] == 0
    assert (tmp_path / "new" / "folder" / "run.npz").read_bytes() == file.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_wrong_configuration_is_refused_with_its_pointers_and_stores_nothing(
    data: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, configuration(training={"steps": -1}, seeds=3))
    code, output = run("train", path)
    assert code == 2
    assert "/training/steps" in output
    assert "/seeds" in output
    assert not data.exists()


@pytest.mark.parametrize("text", ["[]", "{", "1"])
def test_a_file_that_is_no_configuration_is_refused(data: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    code, printed = run("train", str(path))
    assert code == 2
    assert f"{path}: expected" in printed


def test_a_date_in_a_configuration_is_refused_at_its_place(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('name = 2020-01-01\n[task]\nkind = "adding"\n[model]\ncell = "lstm"\n')
    code, printed = run("train", str(path))
    assert code == 2
    assert "/name: expected" in printed


@pytest.mark.parametrize("command", [["ls"], ["show", "1234"], ["serve", "--port", "0"], ["train"]])
def test_a_data_folder_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    more = [written(tmp_path, configuration())] if command == ["train"] else []
    code, printed = run(*command, *more, "--data", str(file))
    assert code == 1
    assert printed.startswith(f"The data folder {file} cannot be used: ")
    assert printed.count("\n") == 1


def test_a_port_in_use_is_named_with_the_way_to_another(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, printed = run("serve", "--port", str(port))
    assert code == 1
    assert f"Port {port} of 127.0.0.1 is in use already" in printed
    assert "--port or GRADTIDE_PORT" in printed


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('name = "x"\n[model]\ncell = "lstm"\n')
    assert load_configuration(path) == {"name": "x", "model": {"cell": "lstm"}}


@pytest.mark.parametrize(
    ("assignment", "changed"),
    [
        ("model.cell=lstm", {"model": {"cell": "lstm"}}),
        ("training.steps=7", {"training": {"steps": 7}}),
        ("training.clipping=null", {"training": {"clipping": None}}),
        ("name=a=b", {"name": "a=b"}),
        ('tags=["a"]', {"tags": ["a"]}),
    ],
)
def test_a_value_is_set_by_its_path(assignment: str, changed: dict[str, Any]) -> None:
    assert assign({}, [assignment]) == changed


@pytest.mark.parametrize("assignment", ["model.cell", "=3", "name.x=1"])
def test_an_assignment_that_names_nothing_is_refused(assignment: str) -> None:
    with pytest.raises(ValueError, match=r"expected --set|not a table"):
        assign({"name": "x"}, [assignment])


def test_the_store_is_listed_and_shown(data: Path, tmp_path: Path) -> None:
    assert "No runs yet" in run("ls")[1]
    run("train", written(tmp_path, configuration(name="my [bold] run")))
    code, listed = run("ls")
    assert code == 0
    assert "my [bold] run" in listed
    begins = listed.splitlines()[1].split()[0]
    code, shown = run("show", begins)
    assert code == 0
    assert "hidden_gradient_norm" in shown
    assert '"hidden_size": 6' in shown
    assert "mean of the last 100 steps" in shown
    assert "mean over the last 100 steps" in listed
    assert run("show", "nobody")[0] == 1
    assert run("ls", "--status", "failed") == (0, "No run is failed.\n")


def test_a_status_that_is_none_is_refused_with_the_known_ones(data: Path) -> None:
    code, printed = run("ls", "--status", "failing")
    assert code == 2
    assert "unknown status 'failing'; known: queued, running" in printed


def test_the_doctor_finds_this_installation_well(data: Path) -> None:
    code, output = run("doctor")
    assert code == 0, output
    assert [line.split()[1] for line in output.splitlines()[1:]] == [
        "store:",
        "crashes:",
        "worker:",
        "speed:",
        "gradients:",
    ]


def test_the_doctor_finds_and_mends_what_a_crash_left_behind(data: Path, tmp_path: Path) -> None:
    config = configuration(recording={"every": 10, "checkpoints": ["first", "last"]})
    for seed in range(2):
        assert run("train", written(tmp_path, config), "--set", f"seed={seed}")[0] == 0
    store = open_store(Settings(data=data))
    whole, hurt = (each.id for each in store.runs.page()[0])
    held = store.runs.create(*described(configuration()))[0].id
    assert store.attempts.claim(held, "a worker that is gone") is not None
    with store.database.write() as connection:
        gone = {"pid": 2**22 + 1, "lease_until": 1.0}  # beyond the largest number of a process
        connection.execute(sa.update(runs).where(runs.c.id == held).values(**gone))
    orphan = store.folder / "arrays" / "00000000-0000-4000-8000-000000000000"
    orphan.mkdir()
    partial = store.folder / "checkpoints" / whole / "1" / "model-9.safetensors.1.partial"
    partial.write_bytes(b"half")
    checkpoint = store.folder / "checkpoints" / whole / "1" / "model-0.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    store.folder.chmod(0o755)
    code, output = run("doctor")
    assert code == 0, output
    for sentence in (
        f"run {held[:8]} had lost its worker and is queued now",
        "files of 00000000, a run that is deleted, are removed",
        "half a checkpoint, is removed",
        f"run {whole[:8]}: the damaged checkpoint at step 0 (model) is dropped",
        "was open to others (mode 755)",
    ):
        assert sentence in output
    assert not orphan.exists()
    assert not partial.exists()
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert [each.step for each in store.checkpoints.list(whole)] == [40]
    assert "none left anything behind" in run("doctor")[1]
    shutil.rmtree(store.folder / "arrays" / hurt / "1" / "loss")
    code, output = run("doctor")
    assert code == 1
    assert f"run {hurt[:8]} has lost its recorded loss: delete or repeat it" in output
    store.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # documentation addresses
def test_tensorboard_issue_2387_other_machines_are_refused_without_a_token(
    data: Path, host: str
) -> None:
    code, output = run("serve", "--host", host)
    assert code == 2
    assert "without a token" in output


@pytest.mark.parametrize("options", [{"insecure": True}, {"token": "t"}, {"make_token": True}])
def test_other_machines_are_served_where_that_is_meant(options: dict[str, Any]) -> None:
    assert settings_from(host="0.0.0.0", **options).host == "0.0.0.0"


def test_a_wrong_setting_is_named(data: Path) -> None:
    code, output = run("serve", "--port", "70000")
    assert code == 2
    assert "port" in output


def test_a_setting_that_looks_like_markup_is_told_as_it_is(data: Path) -> None:
    code, output = run("serve", "--executor", "[/bold]")
    assert code == 2
    assert "got '[/bold]'" in output


def test_a_token_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "d", make_token=True)
    first, second = with_token(settings).token, with_token(settings).token
    assert first is not None
    assert first == second
    assert len(first.get_secret_value()) >= 32
    assert stat.S_IMODE((tmp_path / "d" / "token").stat().st_mode) == 0o600
    assert with_token(Settings(data=tmp_path)).token is None


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({}, "http://127.0.0.1:5/"),
        ({"host": "::1"}, "http://[::1]:5/"),
        ({"host": "0.0.0.0", "token": "a"}, "http://127.0.0.1:5/login?token=a"),
    ],
)
def test_the_address_to_open_has_the_token(options: dict[str, Any], address: str) -> None:
    assert address_of(Settings(**options), 5) == address


def test_the_starter_comparison_is_queued_on_an_empty_store_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert queue_starter(settings) == 4
    assert queue_starter(settings) == 0
    store = open_store(settings)
    cells = [each.config["model"]["activation"] for each in store.runs.page()[0]]
    store.close()
    assert cells == [None, "relu", "tanh", "sigmoid"]


@pytest.mark.parametrize("config", starter_configurations(), ids=lambda config: config["name"])
def test_the_starter_comparison_differs_in_the_network_alone(config: dict[str, Any]) -> None:
    complete = RunConfig.from_dict(config).to_dict()
    reference = RunConfig.from_dict(starter_configurations()[0]).to_dict()
    for part in ("task", "training", "recording", "seed"):
        assert complete[part] == reference[part]


def start_server(data: Path) -> tuple[subprocess.Popen[str], str]:
    environment = {**os.environ, "GRADTIDE_DATA": str(data), "GRADTIDE_LEASE": "4"}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", "0", "--workers", "1"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Gradtide is at http://127.0.0.1:")
    return process, line.split()[-1]


def test_a_server_stops_in_good_order_with_a_run_and_an_open_stream(tmp_path: Path) -> None:
    process, address = start_server(tmp_path)
    store = open_store(Settings(data=tmp_path))
    try:
        request = urllib.request.Request(
            f"{address}api/v1/runs",
            data=json.dumps(endless()).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            run_id = json.load(answer)["id"]
        with urllib.request.urlopen(f"{address}api/v1/events") as stream:
            eventually(lambda: store.runs.get(run_id).recorded_rows >= 2)
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
            assert b"frame" in stream.read()
        assert time.monotonic() - started < 8
        assert store.runs.get(run_id).status == "interrupted"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]  # it is a pipe
        store.close()


def test_a_sweep_in_the_foreground_trains_every_combination(data: Path, tmp_path: Path) -> None:
    axes = {"model.activation": ["tanh", "nope"], "model.hidden_size": [3]}
    grid = {"base": configuration(steps=4), "axes": axes, "repeats": 2}
    code, output = run("sweep", written(tmp_path, grid), "--workers", "1")
    assert code == 0, output
    assert "activation tanh, hidden size 3 final loss" in output
    assert "2 runs, 1 combination skipped" in output
    store = open_store(Settings(data=data))
    assert [each.status for each in store.runs.page()[0]] == ["succeeded", "succeeded"]
    store.close()


@pytest.mark.parametrize(
    ("grid", "pointer"),
    [({"base": {}}, "/axes"), ({"base": {}, "axes": {"seed": 3}}, "/axes/seed")],
)
def test_a_file_that_is_no_grid_is_refused_at_its_place(
    data: Path, tmp_path: Path, grid: dict[str, Any], pointer: str
) -> None:
    code, output = run("sweep", written(tmp_path, grid))
    assert (code, f"{pointer}: " in output) == (2, True)
