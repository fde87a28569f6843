"""The client speaks every call, and says a refusal as an exception."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.api.examples import EXAMPLES
from app.client import Client, ProblemError
from tests.app.api.conftest import SMALL, Trained, settings_of
from tests.app.api.test_events import Server


@pytest.fixture
def over_trained(trained: Trained) -> Iterator[Client]:
    """A client of a server over the trained runs."""
    with Server(settings_of(trained.data)) as server, Client(server.url) as client:
        yield client


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Client]:
    """A client of a server with a token and nothing stored."""
    settings = settings_of(tmp_path, token="a token")  # a test's own
    with Server(settings) as server, Client(server.url, token="a token") as client:
        yield client


def test_a_run_is_made_listed_cancelled_and_deleted(empty: Client) -> None:
    made = empty.create_run(SMALL, idempotency_key="one")
    again = empty.create_run(SMALL, idempotency_key="one")
    listed = [run["id"] for run in empty.runs(status="queued")]
    cancelled = empty.cancel(made["id"])
    empty.delete(made["id"])
    assert (again["id"], listed, cancelled["status"]) == (made["id"], [made["id"]], "cancelled")
    assert list(empty.runs()) == []


def test_the_list_goes_over_its_pages(empty: Client) -> None:
    made = [empty.create_run(SMALL)["id"] for _ in range(5)]
    assert [run["id"] for run in empty.runs(limit=2)] == made[::-1]


def test_a_refusal_carries_its_pointers(empty: Client) -> None:
    with pytest.raises(ProblemError) as refused:
        empty.create_run({**SMALL, "seed": -1})
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, "/seed")


def test_waiting_ends_at_its_time_out(empty: Client) -> None:
    run = empty.create_run(SMALL)["id"]
    with pytest.raises(TimeoutError, match="queued"):
        empty.wait(run, timeout=0.01)


def test_waiting_returns_a_run_that_is_over(over_trained: Client, trained: Trained) -> None:
    assert over_trained.wait(trained.diverged)["status"] == "diverged"


def test_a_statistic_comes_with_its_coordinates(over_trained: Client, trained: Trained) -> None:
    found = over_trained.statistic(
        trained.succeeded, "hidden_gradient_norm", step=[0, "last"], layer=1, time="2:6:2"
    )
    coords = {axis: values.tolist() for axis, values in found.coords.items()}
    assert coords == {"step": [0, 6], "layer": [1], "time": [2, 4, 6]}
    assert (found.axes, found.values.shape) == (("step", "layer", "time"), (2, 1, 3))


def test_infinities_arrive_as_bits(over_trained: Client, trained: Trained) -> None:
    losses = over_trained.statistic(trained.diverged, "loss").values
    assert losses.dtype == np.float64
    assert not np.isfinite(losses[-1])


def test_the_other_calls_answer(over_trained: Client, trained: Trained) -> None:
    run = trained.succeeded
    assert "cells" in over_trained.catalog()
    assert over_trained.verdict(run)["word"]
    assert over_trained.statistics(run)[0]["name"] == "loss"
    assert over_trained.figure("loss", [run], step=2)["data"]
    assert [one["step"] for one in over_trained.checkpoints(run)] == [0, 6]
    assert len(over_trained.checkpoint(run, 6)) > len(
        over_trained.checkpoint(run, 6, part="recurrent")
    )


def test_a_run_is_paused_renamed_and_estimated(empty: Client) -> None:
    run = empty.create_run(SMALL)
    assert empty.describe(run["id"], name="renamed", notes="seen")["name"] == "renamed"
    for verb in (empty.pause, empty.resume, empty.retry, lambda run_id: empty.extend(run_id, 9)):
        with pytest.raises(ProblemError) as refused:
            verb(run["id"])
        assert refused.value.status == 409
    assert empty.estimate(SMALL)["frames"] == 4


def test_runs_are_compared_and_exported(over_trained: Client, trained: Trained) -> None:
    runs = (trained.succeeded, trained.classified)
    found = over_trained.compare(runs, "loss", step="0:2")
    assert found["statistic"]["shape"] == [2, 3]
    file = io.BytesIO()
    over_trained.export(trained.succeeded, file)
    file.seek(0)
    with np.load(file, allow_pickle=False) as exported:
        assert exported["loss"].shape == (6,)
    with pytest.raises(ProblemError, match="404"):
        over_trained.export("nothing", file)


def test_a_sweep_is_traced(over_trained: Client) -> None:
    found = over_trained.trace(**EXAMPLES["TraceRequest"])
    assert set(found["path_terms"]) == set(EXAMPLES["TraceRequest"]["parameters"])


def test_an_answer_that_is_no_problem_is_still_an_error() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(502, text="bad gateway"))
    with (
        Client("http://127.0.0.1", transport=transport) as client,
        pytest.raises(ProblemError) as refused,
    ):
        client.run("x")
    assert (refused.value.status, refused.value.detail) == (502, "bad gateway")


def test_a_sweep_is_made_listed_summed_up_and_cancelled(empty: Client) -> None:
    axes = {"model.activation": ["tanh", "relu"]}
    made = empty.create_sweep(SMALL, axes, repeats=2, idempotency_key="one")
    again = empty.create_sweep(SMALL, axes, repeats=2, idempotency_key="one")
    matrix = empty.matrix(made["id"], x="model.activation", value="reach")
    cancelled = empty.cancel_sweep(made["id"])
    assert (again, [each["id"] for each in empty.sweeps()]) == (made, [made["id"]])
    assert (matrix["data"], matrix["count"]) == ([[None, None]], [[0, 0]])
    assert cancelled == empty.sweep(made["id"])
    assert cancelled["status"] == "cancelled"
