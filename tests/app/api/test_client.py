"""The client speaks every call, and says a refusal as an exception."""

import inspect
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from app.api.examples import EXAMPLES
from app.client import Client, ProblemError, records
from app.main import create_app
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
    assert over_trained.wait(trained.diverged, progress=True)["status"] == "diverged"


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
    assert found["statistic"] is not None
    assert found["statistic"]["shape"] == [2, 3]
    file = io.BytesIO()
    over_trained.export(trained.succeeded, file, progress=True)
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
    with pytest.raises(TimeoutError, match="queued"):
        empty.wait_for_sweep(made["id"], timeout=0.01)
    cancelled = empty.cancel_sweep(made["id"])
    assert empty.wait_for_sweep(made["id"], progress=True) == cancelled
    assert (again, [each["id"] for each in empty.sweeps()]) == (made, [made["id"]])
    assert (matrix["data"], matrix["count"]) == ([[None, None]], [[0, 0]])
    assert cancelled == empty.sweep(made["id"])
    assert cancelled["status"] == "cancelled"
    empty.delete_sweep(made["id"], runs=True)
    assert [*empty.sweeps(), *empty.runs()] == []


def test_data_and_models_are_uploaded_listed_and_deleted(empty: Client, tmp_path: Path) -> None:
    table = tmp_path / "load.csv"
    table.write_text("time,load\n" + "".join(f"{i},{i % 5}\n" for i in range(100)))
    weights: dict[str, NDArray[Any]] = {
        "weight_ih_l0": np.ones((4, 1), np.float32),
        "weight_hh_l0": np.ones((4, 4)),
    }
    data = empty.upload_dataset(table, columns=("load",))
    model = empty.upload_model(io.BytesIO(save(weights)), name="mine", activation="relu")
    assert (data["name"], data["kind"]) == ("load.csv", "series")
    assert (model["name"], model["description"]["model"]["activation"]) == ("mine", "relu")
    assert list(empty.datasets()) == [empty.dataset(data["id"])] == [data]
    assert list(empty.models()) == [empty.model(model["id"])] == [model]
    task = {"kind": "series", "dataset": data["id"], "length": 8}
    run = empty.create_run({**SMALL, "task": task, "model": model["description"]["model"]})
    with pytest.raises(ProblemError, match="409"):
        empty.delete_model(model["id"])
    empty.cancel(run["id"])
    empty.delete_model(model["id"])
    empty.delete_dataset(data["id"])
    assert [*empty.datasets(), *empty.models()] == []


def test_a_refused_upload_says_what_is_wrong(empty: Client) -> None:
    with pytest.raises(ProblemError, match="a pickle, which is never read"):
        empty.upload_model(io.BytesIO(b"\x80\x04."), progress=True)


CALLS = {
    "GET /catalog": "catalog", "POST /runs": "create_run", "POST /runs/estimate": "estimate",
    "GET /runs": "runs", "GET /runs/{run_id}": "run", "PATCH /runs/{run_id}": "describe",
    "DELETE /runs/{run_id}": "delete", "POST /runs/{run_id}/cancel": "cancel",
    "POST /runs/{run_id}/pause": "pause", "POST /runs/{run_id}/resume": "resume",
    "POST /runs/{run_id}/retry": "retry", "POST /runs/{run_id}/extend": "extend",
    "GET /runs/{run_id}/verdict": "verdict", "GET /runs/{run_id}/statistics": "statistics",
    "GET /runs/{run_id}/statistics/{name}": "statistic", "GET /figures/{name}": "figure",
    "GET /runs/{run_id}/figures/{name}": "figure", "GET /figures": "figures",
    "GET /runs/{run_id}/figures": "run_figures",
    "GET /runs/{run_id}/checkpoints": "checkpoints", "GET /runs/{run_id}/chain": "chain",
    "GET /runs/{run_id}/checkpoints/{step}": "checkpoint", "GET /events": "events",
    "GET /runs/{run_id}/events": "events", "GET /runs/{run_id}/export": "export",
    "GET /compare": "compare", "POST /traces": "trace", "POST /sweeps": "create_sweep",
    "GET /sweeps": "sweeps", "GET /sweeps/{sweep_id}": "sweep",
    "DELETE /sweeps/{sweep_id}": "delete_sweep",
    "POST /sweeps/{sweep_id}/cancel": "cancel_sweep", "GET /sweeps/{sweep_id}/matrix": "matrix",
    "GET /sweeps/{sweep_id}/figures/{name}": "sweep_figure",
    "POST /datasets": "upload_dataset", "GET /datasets": "datasets",
    "GET /datasets/{dataset_id}": "dataset", "DELETE /datasets/{dataset_id}": "delete_dataset",
    "POST /models": "upload_model", "GET /models": "models", "GET /models/{model_id}": "model",
    "DELETE /models/{model_id}": "delete_model", "POST /captures": "create_capture",
    "POST /captures/{run_id}/frames": "send_frame",
    "POST /captures/{run_id}/finish": "finish_capture",
}  # fmt: skip


WITHOUT_METHOD = {
    "GET /healthz": "for what starts the service again",
    "GET /readyz": "for what leads requests to it",
    "GET /metrics": "for Prometheus",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the service's own description says."""
    return create_app(settings_of(tmp_path_factory.mktemp("told"))).openapi()


def calls_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the description says of each call."""
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": call
        for path, methods in told["paths"].items()
        for method, call in methods.items()
    }


def test_every_call_of_the_service_has_a_method(told: dict[str, Any]) -> None:
    assert set(calls_of(told)) == set(CALLS) | set(WITHOUT_METHOD)
    assert [name for name in CALLS.values() if not callable(getattr(Client, name, None))] == []


def schema_of(call: dict[str, Any]) -> str:
    """Return the name of what a call answers, as the client calls it; nothing where it has none."""
    given = call["responses"]
    answers = [given[each] for each in ("201", "200", "202") if each in given]
    schema: dict[str, Any] = {}
    if answers:
        schema = answers[0].get("content", {}).get("application/json", {}).get("schema", {})
    reference = str(schema.get("items", schema).get("$ref", ""))
    return reference.rpartition("/")[2].removesuffix("Model")


BITS = {"statistic"}
"""Calls whose answer the client makes arrays of."""
SHORT = {"Sweep": "SweepSummary"}
"""What a page holds, where that is less than one by itself."""


def test_every_answer_with_a_schema_has_its_type(told: dict[str, Any]) -> None:
    wrong, seen = [], 0
    for name, call in calls_of(told).items():
        answered = schema_of(call)
        if name in WITHOUT_METHOD or not answered or CALLS[name] in BITS:
            continue
        seen += 1
        returned = str(inspect.signature(getattr(Client, CALLS[name])).return_annotation)
        item, is_page = answered.removesuffix("Page"), answered.endswith("Page")
        wanted = SHORT.get(item, item) if is_page else item
        words = re.findall(r"\w+", returned)
        if words[-1] != wanted or is_page != ("Iterator" in words):
            wrong.append((name, returned, wanted))
    assert wrong == []
    assert seen > 25


@pytest.mark.parametrize("name", [n for n, each in vars(records).items() if is_typeddict(each)])
def test_a_record_has_the_fields_that_the_service_says(name: str, told: dict[str, Any]) -> None:
    described = told["components"]["schemas"][f"{name}Model"]
    assert set(getattr(records, name).__annotations__) == set(described["properties"])
