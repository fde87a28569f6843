"""Runs beside each other: what differs, and statistics on the coordinates that all share."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.app.api.conftest import SMALL, Trained, changed
from tests.app.api.test_runs import NO_RUN, create

COMPARE = "/api/v1/compare"


async def compared(client: httpx.AsyncClient, *runs: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401
    answer = await client.get(COMPARE, params={"run": list(runs), **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_differences_are_told_by_pointer_and_names_left_out(
    client: httpx.AsyncClient,
) -> None:
    first = await create(client)
    other = changed(SMALL, model={"hidden_size": 7}, training={"clipping": None})
    second = await create(client, **{**other, "name": "another", "tags": []})
    found = await compared(client, first["id"], second["id"])
    assert [run["id"] for run in found["runs"]] == [first["id"], second["id"]]
    told = {each["pointer"]: each["values"] for each in found["differences"]}
    assert told["/model/hidden_size"] == [5, 7]
    assert told["/training/clipping/kind"] == ["norm", None]
    assert not any(pointer.startswith(("/name", "/tags")) for pointer in told)


async def test_a_statistic_is_aligned_on_common_steps(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    runs = (trained.succeeded, trained.classified)
    found = await compared(reader, *runs, statistic="hidden_gradient_norm", step="last", layer="1")
    array = found["statistic"]
    assert array["axes"] == ["run", "step", "layer", "time"]
    assert array["coords"]["run"] == list(runs)
    assert array["coords"]["step"] == [6]
    for run, values in zip(runs, array["data"], strict=True):
        url = f"/api/v1/runs/{run}/statistics/hidden_gradient_norm"
        alone = (await reader.get(url, params={"step": 6, "layer": 1})).json()
        assert values == alone["data"]


async def test_what_only_one_run_has_recorded_is_left_out(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    found = await compared(reader, trained.succeeded, trained.diverged, statistic="loss")
    url = f"/api/v1/runs/{trained.diverged}/statistics/loss"
    steps = (await reader.get(url)).json()["coords"]["step"]
    array = found["statistic"]
    assert array["coords"]["step"] == [step for step in steps if step < 6]
    assert np.shape(array["data"]) == tuple(array["shape"])


async def test_an_accuracy_is_null_in_the_run_that_has_none(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    runs = (trained.succeeded, trained.classified)
    found = await compared(reader, *runs, statistic="accuracy", step="0")
    assert found["statistic"]["data"][0] == [None]
    assert isinstance(found["statistic"]["data"][1][0], float)


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ({"run": ["succeeded"]}, 422, "run"),
        ({"run": ["succeeded"] * 21}, 422, "run"),
        ({"run": ["succeeded", NO_RUN]}, 404, None),
        ({"run": ["succeeded", "diverged"], "statistic": "nothing"}, 422, "statistic"),
        ({"run": ["succeeded", "diverged"], "statistic": "loss", "step": "999"}, 422, "step"),
        ({"run": ["succeeded", "diverged"], "statistic": "loss", "unit": "1"}, 422, "unit"),
    ],
)
async def test_a_bad_comparison_is_refused_by_name(
    reader: httpx.AsyncClient,
    trained: Trained,
    query: dict[str, Any],
    status: int,
    parameter: str | None,
) -> None:
    runs = [getattr(trained, each, each) for each in query["run"]]
    answer = await reader.get(COMPARE, params={**query, "run": runs})
    errors = answer.json().get("errors", [{"parameter": None}])
    assert (answer.status_code, errors[0]["parameter"]) == (status, parameter)
