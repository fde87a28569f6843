"""Slices: by coordinate on every axis, the same bits in every format, cached while they hold."""

import csv
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.main import create_app
from tests.app.api.conftest import SMALL, Trained, serving, settings_of

NAMES = (
    "loss", "gradient_norm", "parameter_gradient_norm", "validation_loss", "hidden_gradient_norm",
    "hidden_gradient", "loss_state_gradient", "last_loss_gradient", "activation_slope_histogram",
    "saturation", "accuracy",
)  # fmt: skip
FORMATS = ("json", "npz", "csv", "f4")
TYPES = {
    "json": "application/json",
    "npy": "application/x-npy",
    "npz": "application/x-npz",
    "csv": "text/csv; charset=utf-8",
    "f4": "application/octet-stream",
}


def address(run: str, name: str) -> str:
    """Return where a statistic is."""
    return f"/api/v1/runs/{run}/statistics/{name}"


async def bits(
    client: httpx.AsyncClient,
    url: str,
    **query: Any,  # noqa: ANN401  # coordinates
) -> NDArray[Any]:
    """Return the bare array."""
    answer = await client.get(url, params={**query, "format": "npy"})
    assert answer.status_code == 200, answer.text
    array: NDArray[Any] = np.load(io.BytesIO(answer.content), allow_pickle=False)
    return array


def number(text: str | float | None) -> float:
    """Return the number that JSON or CSV names."""
    return float("nan") if text is None or text == "" else float(text)


def read(format_: str, body: bytes, like: NDArray[Any]) -> NDArray[Any]:
    """Return what a format holds, in the type it was recorded in."""
    if format_ == "json":
        flat: list[Any] = [json.loads(body)["data"]]
        for _ in like.shape:
            flat = [item for part in flat for item in part]
        return np.array([number(item) for item in flat], like.dtype).reshape(like.shape)
    if format_ == "npz":
        with np.load(io.BytesIO(body), allow_pickle=False) as file:
            data: NDArray[Any] = file["data"]
        return data
    if format_ == "csv":
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        return np.array([number(row["value"]) for row in rows], like.dtype).reshape(like.shape)
    return np.frombuffer(body, "<f4").reshape(like.shape)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["succeeded", "diverged"])
async def test_every_format_carries_the_same_bits(
    reader: httpx.AsyncClient, trained: Trained, kind: str, name: str, format_: str
) -> None:
    url = address(getattr(trained, kind), name)
    expected = await bits(reader, url)
    answer = await reader.get(url, params={"format": format_})
    found = read(format_, answer.content, expected)
    if format_ == "f4":
        with np.errstate(over="ignore"):
            expected = expected.astype("<f4")
    assert (answer.headers["content-type"], found.dtype) == (TYPES[format_], expected.dtype)
    assert np.array_equal(found, expected, equal_nan=True)


async def test_a_diverged_run_names_its_numbers_in_json(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    body = (await reader.get(address(trained.diverged, "loss"))).json()
    assert body["data"][-1] in {"Infinity", "NaN"}


async def test_a_loss_has_no_value_at_states_after_it(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = address(trained.classified, "loss_state_gradient")
    body = (await reader.get(url, params={"step": 0})).json()
    loss_times, state_times = body["coords"]["loss_time"], body["coords"]["state_time"]
    found = np.array([[v is None for v in row] for row in body["data"][0][0]])
    assert np.array_equal(found, np.array(state_times)[None] > np.array(loss_times)[:, None])


async def test_what_is_not_defined_is_nan_in_binary(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = address(trained.succeeded, "loss_state_gradient")
    found = await bits(reader, url, step="last", layer=0)
    assert np.isnan(found[0, 0][np.triu_indices(12, 1)]).all()


@pytest.mark.parametrize(("kind", "is_null"), [("succeeded", True), ("classified", False)])
async def test_accuracy_is_null_where_the_task_has_none(
    reader: httpx.AsyncClient, trained: Trained, kind: str, is_null: bool
) -> None:
    body = (await reader.get(address(getattr(trained, kind), "accuracy"))).json()
    assert {value is None for value in body["data"]} == {is_null}


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("", [0, 2, 4, 6]),
        ("step=2", [2]),
        ("step=last", [6]),
        ("step=0&step=6", [0, 6]),
        ("step=2:4", [2, 4]),
        ("step=3:", [4, 6]),
        ("step=:2", [0, 2]),
        ("step=0:6:4", [0, 4]),
        ("step=0:2&step=last", [0, 2, 6]),
        ("step=2.0", [2]),
    ],
)
async def test_steps_are_addressed_by_coordinate(
    reader: httpx.AsyncClient, trained: Trained, query: str, steps: list[int]
) -> None:
    url = address(trained.succeeded, "hidden_gradient_norm")
    whole = await bits(reader, url)
    body = (await reader.get(f"{url}?{query}&layer=0")).json()
    rows = [[0, 2, 4, 6].index(step) for step in steps]
    assert body["coords"]["step"] == steps
    assert np.array_equal(np.array(body["data"], np.float32), whole[rows][:, :1])


async def test_every_axis_is_a_parameter(reader: httpx.AsyncClient, trained: Trained) -> None:
    url = address(trained.succeeded, "hidden_gradient")
    whole = await bits(reader, url)
    found = await bits(reader, url, step=4, layer=1, time="3:11:4", unit=[0, 4])
    assert np.array_equal(found, whole[2:3, 1:2, [2, 6, 10]][..., [0, 4]])


async def test_parameters_are_addressed_by_name(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = address(trained.succeeded, "parameter_gradient_norm")
    body = (await reader.get(url, params={"parameter": "weight_hh_l0", "step": 1})).json()
    assert body["coords"] == {"step": [1], "parameter": ["weight_hh_l0"]}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("step=1", "step"),
        ("step=-1", "step"),
        ("step=8", "step"),
        ("step=8:10", "step"),
        ("step=4:2", "step"),
        ("step=0:6:0", "step"),
        ("step=0:6:-1", "step"),
        ("step=0:6:x", "step"),
        ("step=0:1:2:3", "step"),
        ("step=nan", "step"),
        ("step=1e400", "step"),
        ("step=-inf:4:2", "step"),
        ("step=0:inf:2", "step"),
        ("step=" + "9" * 5000, "step"),
        ("step=0:4:" + "9" * 5000, "step"),
        ("step=", "step"),
        ("step=first", "step"),
        ("time=0", "time"),
        ("time=13", "time"),
        ("layer=2", "layer"),
        ("unit=0", "unit"),
        ("mood=1", "mood"),
    ],
)
async def test_a_coordinate_that_is_not_there_is_refused_by_axis(
    reader: httpx.AsyncClient, trained: Trained, query: str, parameter: str
) -> None:
    url = address(trained.succeeded, "hidden_gradient_norm")
    answer = await reader.get(f"{url}?{query}")
    found = (answer.status_code, answer.json()["errors"][0]["parameter"])
    assert found == (422, parameter), answer.text


async def test_an_unknown_statistic_is_404_with_the_known_ones(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    answer = await reader.get(address(trained.succeeded, "gradient_mood"))
    assert answer.status_code == 404
    assert "hidden_gradient_norm" in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["%2e%2e%2fgradtide.db", "..%5c..%5cx", "zarr.json", "loss%00", "c%3a"]
)
async def test_no_name_reaches_a_file(
    reader: httpx.AsyncClient, trained: Trained, name: str
) -> None:
    assert (await reader.get(address(trained.succeeded, name))).status_code == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("application/x-npy", "npy"),
        ("application/octet-stream", "f4"),
        ("text/html, application/x-npz;q=0.5, text/csv;q=0.4", "npz"),
        ("application/json;q=0.1, text/csv", "csv"),
        ("application/json;q=0, */*;q=0.5", "npy"),
        ("TEXT/CSV", "csv"),
    ],
)
async def test_accept_chooses_the_format(
    reader: httpx.AsyncClient, trained: Trained, accept: str, expected: str
) -> None:
    url = address(trained.succeeded, "loss")
    answer = await reader.get(url, headers={"Accept": accept})
    found = (answer.status_code, answer.headers["content-type"], answer.headers["vary"])
    assert found == (200, TYPES[expected], "Accept")


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png", "garbage", ";;;", "application/json;q=x"]
)
async def test_an_accept_that_nothing_meets_is_406(
    reader: httpx.AsyncClient, trained: Trained, accept: str
) -> None:
    url = address(trained.succeeded, "loss")
    assert (await reader.get(url, headers={"Accept": accept})).status_code == 406


@pytest.mark.parametrize("format_", ["parquet", "NPY", "", "json\0"])
async def test_an_unknown_format_is_406(
    reader: httpx.AsyncClient, trained: Trained, format_: str
) -> None:
    url = address(trained.succeeded, "loss")
    assert (await reader.get(url, params={"format": format_})).status_code == 406


async def test_a_format_by_name_wins_over_accept(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"{address(trained.succeeded, 'loss')}?format=csv"
    answer = await reader.get(url, headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == TYPES["csv"]


@pytest.mark.parametrize(
    ("query", "is_final"),
    [
        ("step=2", True),
        ("step=0:4", True),
        ("step=6", True),
        ("step=0&step=4:6", True),
        ("step=last", False),
        ("step=0:", False),
        ("step=0:8", False),
        ("", False),
    ],
)
async def test_what_no_later_frame_can_change_is_immutable(
    reader: httpx.AsyncClient, trained: Trained, query: str, is_final: bool
) -> None:
    url = address(trained.succeeded, "hidden_gradient_norm")
    cached = (await reader.get(f"{url}?{query}")).headers["cache-control"]
    assert ("immutable" in cached, "no-cache" in cached) == (is_final, not is_final)


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"x", {}', "*"])
@pytest.mark.parametrize("format_", ["json", "csv", "f4"])
async def test_who_has_it_already_gets_304(
    reader: httpx.AsyncClient, trained: Trained, format_: str, wrap: str
) -> None:
    url = f"{address(trained.succeeded, 'hidden_gradient')}?step=2&time=1:3&format={format_}"
    etag = (await reader.get(url)).headers["etag"]
    again = await reader.get(url, headers={"If-None-Match": wrap.format(etag)})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


async def test_etags_differ_by_slice_format_and_run(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    urls = [
        f"{address(run, name)}?{query}"
        for run in (trained.succeeded, trained.diverged)
        for name in ("loss", "gradient_norm")
        for query in ("step=0", "step=1", "step=0:1", "step=0&format=npy")
    ]
    tags = {(await reader.get(url)).headers["etag"] for url in urls}
    assert len(tags) == len(urls)


async def test_too_many_elements_are_413_with_both_numbers(trained: Trained) -> None:
    small = settings_of(trained.data, max_slice_elements=100)
    async with serving(create_app(small)) as client:
        url = address(trained.succeeded, "hidden_gradient")
        refused = await client.get(url)
        narrowed = await client.get(f"{url}?step=0&layer=0&unit=0")
    assert (refused.status_code, narrowed.status_code) == (413, 200)
    assert "480" in refused.json()["detail"]
    assert "100" in refused.json()["detail"]


async def test_the_list_says_what_each_answer_has(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    listed = (await reader.get(f"/api/v1/runs/{trained.succeeded}/statistics")).json()
    keys = ("name", "axes", "coords", "shape", "dtype", "scale")
    assert {"loss", "hidden_gradient_norm"} <= {info["name"] for info in listed}
    for info in listed:
        body = (await reader.get(address(trained.succeeded, info["name"]))).json()
        assert {key: info[key] for key in keys} == {key: body[key] for key in keys}


async def test_csv_has_a_column_for_each_axis(reader: httpx.AsyncClient, trained: Trained) -> None:
    url = address(trained.succeeded, "parameter_gradient_norm")
    text = (await reader.get(url, params={"format": "csv", "step": 0})).text
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["step", "parameter", "value"]
    assert rows[1][:2] == ["0", "weight_ih_l0"]


async def test_npz_carries_the_coordinates(reader: httpx.AsyncClient, trained: Trained) -> None:
    url = address(trained.succeeded, "activation_slope_histogram")
    listed = (await reader.get(url)).json()
    answer = await reader.get(url, params={"format": "npz"})
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as file:
        found = {axis: [number(c) for c in file[axis]] for axis in file["axes"]}
    assert found == {axis: [number(c) for c in coords] for axis, coords in listed["coords"].items()}


async def test_a_queued_run_has_empty_statistics(client: httpx.AsyncClient) -> None:
    run = (await client.post("/api/v1/runs", json=SMALL)).json()
    body = (await client.get(address(run["id"], "hidden_gradient_norm"))).json()
    assert (body["shape"], body["data"]) == ([0, 2, 12], [])
