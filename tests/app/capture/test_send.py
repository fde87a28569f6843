"""`gradtide send`: what was kept on disk arrives at a service later, once, however often asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  # after importorskip

from app.capture import watch  # noqa: E402
from app.capture.kept import loops_in, send_loop  # noqa: E402
from app.cli import app  # noqa: E402
from app.client import Client  # noqa: E402
from app.settings import Settings  # noqa: E402
from app.store import open_store  # noqa: E402
from tests.app.capture.destinations import wait_for, waiting  # noqa: E402
from tests.app.capture.served import Served  # noqa: E402

pytestmark = pytest.mark.torch

STEPS = 5
NOWHERE = "http://127.0.0.1:9"
TOKEN = "open sesame"  # of a service on loopback that lives as long as a test


def gradtide(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a training loop was recorded without a service."""
    monkeypatch.setenv("GRADTIDE_TOKEN", "")
    torch.manual_seed(0)
    layer, folder = nn.LSTM(2, 4), tmp_path / "recorded"
    with watch(layer, store=folder, every=1, name="mine") as watcher:
        for _ in range(STEPS):
            loss = layer(torch.randn(6, 3, 2))[0].pow(2).mean()
            watcher.loss(loss)
            loss.backward()
            wait_for(lambda: waiting(watcher) == 0)  # this loop is faster than any disk
    assert (watcher.counts.sent, watcher.counts.dropped) == (STEPS, 0)
    return folder


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "locked", token=TOKEN)
    yield served
    served.client.close()
    served.kill()


def left_in(folder: Path) -> int:
    return sum(len(spool.steps(recorded=True)) for spool in loops_in(folder))


def test_a_run_recorded_without_a_service_is_the_same_run_at_one(
    recorded: Path, served: Served
) -> None:
    code, told = gradtide("send", str(recorded), "--url", served.url)
    assert code == 0, told
    assert f"{STEPS} steps sent" in told
    (run,) = served.client.runs()
    assert (run["name"], run["status"], run["id"] in told) == ("mine", "succeeded", True)
    store = open_store(Settings(data=recorded))
    (own,) = store.runs.page()[0]
    for name in ("hidden_gradient", "loss", "gradient_norm"):
        here, there = store.arrays.read(own.id, name, {}), served.client.statistic(run["id"], name)
        np.testing.assert_array_equal(there.values, here.values)
    store.close()
    code, told = gradtide("send", str(recorded), "--url", served.url)
    assert (code, "holds no steps" in told) == (2, True)
    assert len([*served.client.runs()]) == 1


def test_what_was_stopped_half_way_goes_on_and_nothing_is_sent_twice(
    recorded: Path, served: Served
) -> None:
    (spool,) = loops_in(recorded)
    arrived: list[int] = []

    def interrupt() -> None:
        arrived.append(len(arrived))
        if len(arrived) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_loop(spool, served.client, arrived=interrupt)
    assert left_in(recorded) == STEPS - 2
    code, told = gradtide("send", str(recorded), "--url", served.url)
    assert (code, f"{STEPS - 2} steps sent" in told) == (0, True)
    (run,) = served.client.runs()
    norms = served.client.statistic(run["id"], "hidden_gradient_norm")
    assert norms.coords["step"].tolist() == [*range(STEPS)]
    assert left_in(recorded) == 0


def test_where_nobody_answers_everything_stays(recorded: Path) -> None:
    code, told = gradtide("send", str(recorded), "--url", NOWHERE)
    assert code == 1
    assert "the service is away" in told
    assert f"{STEPS} steps stay" in told
    assert left_in(recorded) == STEPS


@pytest.mark.parametrize("url", ["http://[", "example"])
def test_an_address_that_is_none_is_said_to_be_so(recorded: Path, url: str) -> None:
    code, told = gradtide("send", str(recorded), "--url", url)
    assert (code != 0, url in told) == (True, True)
    assert left_in(recorded) == STEPS


def test_a_service_with_a_token_takes_nothing_without_it(
    recorded: Path, locked: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = gradtide("send", str(recorded), "--url", locked.url)
    assert (code, "wants its token" in told, "GRADTIDE_TOKEN" in told) == (1, True, True)
    assert left_in(recorded) == STEPS
    monkeypatch.setenv("GRADTIDE_TOKEN", TOKEN)
    assert gradtide("send", str(recorded), "--url", locked.url)[0] == 0
    assert [run["status"] for run in locked.client.runs()] == ["succeeded"]


def test_a_loop_that_lacks_the_token_loses_no_step(
    locked: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, kept = nn.GRU(2, 4), tmp_path / "kept"
    with Client(locked.url) as client:
        watcher = watch(layer, client, every=1, kept=kept, patience=0.0)
        with pytest.warns(RuntimeWarning, match="wants its token"), watcher:
            layer(torch.randn(6, 3, 2))[0].sum().backward()
    monkeypatch.setenv("GRADTIDE_TOKEN", TOKEN)
    code, told = gradtide("send", str(kept), "--url", locked.url)
    assert (code, "1 steps sent" in told) == (0, True)


def test_a_folder_without_steps_is_refused(tmp_path: Path) -> None:
    code, told = gradtide("send", str(tmp_path))
    assert (code, "holds no steps of a watched loop" in told) == (2, True)
    code, told = gradtide("send", str(tmp_path / "none"))
    assert code == 2, told


def test_what_has_gone_to_another_service_is_not_torn_apart(recorded: Path, served: Served) -> None:
    (spool,) = loops_in(recorded)
    (spool.folder / "run").write_text("9b5eafa6-6e4d-4c53-a0a6-0f1a7d1c7d0e")
    code, told = gradtide("send", str(recorded), "--url", served.url)
    assert (code, "which this service does not have" in told) == (1, True)
    assert left_in(recorded) == STEPS
    assert not [*served.client.runs()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "is still running"),
        ({"host": "a machine elsewhere"}, "was started on another machine"),
    ],
)
def test_a_loop_that_may_still_run_is_left_alone(
    recorded: Path, change: dict[str, str], said: str
) -> None:
    (spool,) = loops_in(recorded)
    (spool.folder / "end.json").unlink()
    config = spool.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    code, told = gradtide("send", str(recorded), "--url", NOWHERE)
    assert (code, said in told) == (1, True)
    assert left_in(recorded) == STEPS


def test_a_loop_of_another_machine_is_sent_where_it_is_said_to_be_over(
    recorded: Path, served: Served
) -> None:
    (spool,) = loops_in(recorded)
    (spool.folder / "end.json").unlink()
    config = spool.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"host": "elsewhere"}))
    assert gradtide("send", str(recorded), "--url", served.url, "--over")[0] == 0
    (run,) = served.client.runs()
    assert (run["status"], run["progress"]["step"]) == ("failed", STEPS - 1)


def test_a_folder_whose_description_is_damaged_is_left_as_it_is(recorded: Path) -> None:
    (spool,) = loops_in(recorded)
    (spool.folder / "end.json").unlink()
    (spool.folder / "config.json").write_text("{")
    code, told = gradtide("send", str(recorded), "--url", NOWHERE)
    assert (code, "is not what a watched loop writes" in told) == (1, True)
    assert left_in(recorded) == STEPS
