"""Data sets over REST: uploaded, described, learned from, deleted."""

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from safetensors.numpy import save

from app.main import create_app
from app.runs.controls import controlled
from app.runs.inputs import described
from app.runs.training import train_run
from app.settings import Settings
from app.store import open_store
from app.store.tables import runs
from tests.app.api.conftest import SMALL, changed, serving, settings_of

PATH = "/api/v1/datasets"
CSV = {"Content-Type": "text/csv"}
TABLE = "time,load,city\n" + "".join(f"{i},{i % 7}.5,here\n" for i in range(300))


def arrays_file(count: int = 40) -> bytes:
    rng = np.random.default_rng(0)
    held = io.BytesIO()
    inputs = rng.normal(size=(count, 6, 2)).astype(np.float32)
    np.savez_compressed(held, inputs=inputs, targets=(inputs.sum(axis=(1, 2)) > 0).astype(np.int32))
    return held.getvalue()


async def test_a_table_is_described(client: httpx.AsyncClient) -> None:
    text = "time;load;city\n0;3,5;x\n1;;y\n2;4,5;z\n"
    answer = await client.post(f"{PATH}?name=load", content=text, headers=CSV)
    found = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{found['id']}"
    assert (found["name"], found["kind"]) == ("load", "series")
    assert found["description"] == {
        "rows": 3,
        "columns": [
            {"name": "time", "missing": 0, "low": 0, "high": 2, "mean": 1},
            {"name": "load", "missing": 1, "low": 3.5, "high": 4.5, "mean": 4},
        ],
        "left_out": [{"name": "city", "reason": "no numbers: line 2 holds 'x'"}],
        "preview": [[0, 3.5], [1, None], [2, 4.5]],
    }
    assert (await client.get(f"{PATH}/{found['id']}")).json() == found


async def test_a_table_without_names_is_read_from_its_first_line(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(PATH, content="1,2\n3,4\n", headers=CSV)
    told = answer.json()["description"]
    assert (told["rows"], told["preview"]) == (2, [[1, 2], [3, 4]])
    assert [column["name"] for column in told["columns"]] == ["column 1", "column 2"]


async def test_columns_can_be_chosen(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{PATH}?columns=load", content=TABLE, headers=CSV)
    told = answer.json()["description"]
    assert [column["name"] for column in told["columns"]] == ["load"]
    assert {each["name"] for each in told["left_out"]} == {"time", "city"}


async def test_a_text_is_described(client: httpx.AsyncClient) -> None:
    text = "Hällo wörld, " * 100
    answer = await client.post(PATH, content=text, headers={"Content-Type": "text/plain"})
    found = answer.json()
    assert found["kind"] == "text"
    assert found["description"]["length"] == 1300
    assert found["description"]["characters"] == len(set(text))
    assert found["description"]["preview"] == text[:300]


@pytest.mark.parametrize("form", ["npz", "safetensors"])
async def test_arrays_are_described(client: httpx.AsyncClient, form: str) -> None:
    packed = arrays_file()
    if form == "safetensors":
        with np.load(io.BytesIO(packed)) as file:
            packed = save({name: file[name] for name in file.files})
    answer = await client.post(PATH, content=packed)
    found = answer.json()
    preview = found["description"].pop("preview")
    assert found["kind"] == "arrays"
    assert found["description"] == {
        "sequences": 40, "steps": 6, "inputs": 2, "outputs": 2, "asks_for": "classes",
        "asked": 1, "last_asked": 6,
    }  # fmt: skip
    assert np.shape(preview) == (6, 2)


async def test_a_form_with_a_file_does_the_same(client: httpx.AsyncClient) -> None:
    file = ("C:\\data\\load.csv", TABLE, "application/octet-stream")
    answer = await client.post(PATH, files={"file": file}, data={"columns": ["load", "time"]})
    found = answer.json()
    assert (answer.status_code, found["name"], found["kind"]) == (201, "load.csv", "series")
    assert len(found["description"]["columns"]) == 2


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
            "; boundary=x",
            422,
        ),
        (b"--x\r\nnothing", "; boundary=x", 422),
        (b"", "", 400),
        (b"--x\r\n" * 3, "; boundary=x", 400),
    ],
)
async def test_a_form_that_is_none_is_refused(
    client: httpx.AsyncClient, body: bytes, kind: str, status: int
) -> None:
    headers = {"Content-Type": f"multipart/form-data{kind}"}
    answer = await client.post(PATH, content=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


async def test_data_sets_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    for name in "abc":
        await client.post(f"{PATH}?name={name}", content=TABLE, headers=CSV)
    first = (await client.get(f"{PATH}?limit=2")).json()
    second = (await client.get(f"{PATH}?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["name"] for one in first["items"] + second["items"]] == ["c", "b", "a"]
    assert second["next_cursor"] is None
    stale = await client.get(f"/api/v1/sweeps?cursor={first['next_cursor']}")
    assert stale.status_code == 410


async def test_a_file_larger_than_its_limit_is_413(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, max_upload_bytes=2048, max_body_bytes=1024)
    async with serving(create_app(settings)) as client:
        large = await client.post(PATH, content=b"1,2\n" * 60_000, headers=CSV)
        taken = await client.post(PATH, content=b"1,2\n" * 400, headers=CSV)
    assert (large.status_code, taken.status_code) == (413, 201)
    assert [path.suffix for path in (tmp_path / "uploads").iterdir()] == [".safetensors"]


async def test_a_data_set_is_deleted_unless_a_run_learns_from_it(settings: Settings) -> None:
    app = create_app(settings)
    async with serving(app) as client:
        data = (await client.post(PATH, content=TABLE, headers=CSV)).json()["id"]
        task = {"kind": "series", "dataset": data, "length": 10}
        made = await client.post("/api/v1/runs", json={**SMALL, "task": task})
        refused = await client.delete(f"{PATH}/{data}")
        with app.state.store.database.write() as connection:
            connection.execute(sa.update(runs).values(status="succeeded"))
        gone = await client.delete(f"{PATH}/{data}")
        missing = [
            await client.get(f"{PATH}/{data}"),
            await client.delete(f"{PATH}/{data}"),
            await client.get("/api/v1/models/x"),
        ]
        run = made.json()["id"]
        extended = await client.post(f"/api/v1/runs/{run}/extend", json={"steps": 100})
    assert (made.status_code, refused.status_code, gone.status_code) == (201, 409, 204)
    assert run in refused.json()["detail"]
    assert [answer.status_code for answer in missing] == [404, 404, 404]
    assert extended.status_code == 422
    assert extended.json()["errors"][0]["pointer"] == "/task/dataset"
    assert list((settings.data / "uploads").iterdir()) == []


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"kind": "series"}, "/task/dataset"),
    "another's": ({"kind": "text", "dataset": "@"}, "/task/dataset"),
    "unknown": ({"kind": "series", "dataset": "x"}, "/task/dataset"),
    "too long": ({"kind": "series", "dataset": "@", "length": 100}, "/task/length"),
    "no such column": (
        {"kind": "series", "dataset": "@", "length": 5, "targets": ["load", "city"]},
        "/task/targets/1",
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("path", ["runs", "runs/estimate"])
async def test_what_does_not_fit_its_data_is_refused_at_its_place(
    client: httpx.AsyncClient, path: str, case: str
) -> None:
    task, pointer = CASES[case]
    data = (await client.post(PATH, content=TABLE, headers=CSV)).json()["id"]
    told = {key: data if value == "@" else value for key, value in task.items()}
    answer = await client.post(f"/api/v1/{path}", json={**SMALL, "task": told})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await client.get("/api/v1/runs")).json()["items"] == []


UPLOADS = {
    "series": (TABLE.encode(), {"length": 12}),
    "text": (b"to be or not to be, that is the question. " * 40, {"length": 12}),
    "arrays": (arrays_file(), {}),
}


@pytest.mark.parametrize("kind", UPLOADS)
async def test_a_run_learns_from_its_upload_in_any_process(settings: Settings, kind: str) -> None:
    body, options = UPLOADS[kind]
    async with serving(create_app(settings)) as client:
        found = (await client.post(f"{PATH}?kind={kind}", content=body)).json()
    config = {**SMALL, "task": {"kind": kind, "dataset": found["id"], **options}}
    store = open_store(settings)
    run, _ = store.runs.create(*described(changed(config), store))
    claim = store.attempts.claim(run.id, "a test")
    assert claim is not None
    with controlled(store, claim) as control:
        status = train_run(store, claim, control, checkpoint_seconds=30)
    ended = store.runs.get(run.id)
    store.close()
    assert (status, ended.step, ended.error) == ("succeeded", 6, None)
    assert ended.verdict is not None
    assert ended.verdict["needed_lag"] is None
