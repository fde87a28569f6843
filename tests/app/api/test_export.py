"""A whole run as one file: every bit of every statistic, in each format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from app import arrow, exports
from app.figures.palette import VIK
from app.main import create_app
from app.store import open_store
from tests.app.api.conftest import Trained, serving, settings_of
from tests.app.api.test_runs import NO_RUN, RUNS, create
from tests.app.api.test_statistics import number


def stored(data: Path, run_id: str) -> dict[str, NDArray[Any]]:
    store = open_store(settings_of(data))
    found = {
        info.name: store.arrays.read(run_id, info.name).values
        for info in store.arrays.describe(run_id)
    }
    store.close()
    return found


async def exported(client: httpx.AsyncClient, run_id: str, format_: str) -> bytes:
    answer = await client.get(f"{RUNS}/{run_id}/export", params={"format": format_})
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("kind", ["succeeded", "diverged", "classified"])
async def test_npz_holds_every_bit_and_says_of_which_run(
    reader: httpx.AsyncClient,
    trained: Trained,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "BLOCK_ELEMENTS", 100)
    run_id = getattr(trained, kind)
    content = await exported(reader, run_id, "npz")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        for name, values in stored(trained.data, run_id).items():
            assert file[name].tobytes() == values.tobytes(), name
            assert file[name].shape == values.shape, name
            assert len(file[f"{name}.step"]) == len(values), name
        assert json.loads(file["run.json"])["id"] == run_id


async def test_csv_and_arrow_hold_the_same_numbers_by_statistic(
    reader: httpx.AsyncClient, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "BLOCK_ELEMENTS", 100)
    text = (await exported(reader, trained.diverged, "csv")).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    table = pa.ipc.open_stream(await exported(reader, trained.diverged, "arrow")).read_all()
    assert table.column_names == list(rows[0])
    assert table["statistic"].to_pylist() == [row["statistic"] for row in rows]
    values = np.array([np.nan if v is None else v for v in table["value"].to_pylist()])
    read = np.array([number(row["value"]) for row in rows])
    for name, whole in stored(trained.data, trained.diverged).items():
        mine = np.array([row["statistic"] == name for row in rows])
        # What is not defined is empty, and NaN in the arrays.
        np.testing.assert_array_equal(read[mine].astype(whole.dtype), whole.reshape(-1))
        np.testing.assert_array_equal(values[mine].astype(whole.dtype), whole.reshape(-1))


async def test_a_slice_comes_as_a_table_of_arrow(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"{RUNS}/{trained.succeeded}/statistics/loss_state_gradient"
    by_name = await reader.get(url, params={"format": "arrow"})
    by_accept = await reader.get(url, headers={"Accept": arrow.MEDIA_TYPE})
    assert by_name.content == by_accept.content
    table = pa.ipc.open_stream(by_name.content).read_all()
    assert table.column_names == ["step", "layer", "loss_time", "state_time", "value"]
    assert table.schema.metadata[b"scale"] == b"log10"
    whole = stored(trained.data, trained.succeeded)["loss_state_gradient"].reshape(-1)
    times = np.array(table["loss_time"]), np.array(table["state_time"])
    undefined = times[1] > times[0]
    assert undefined.any()
    assert np.array(table["value"].is_null()).tolist() == undefined.tolist()
    read = np.array(table["value"].fill_null(np.nan), dtype=whole.dtype)
    np.testing.assert_array_equal(read[~undefined], whole[~undefined])


async def test_html_is_a_page_that_reaches_nothing(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    answer = await reader.get(f"{RUNS}/{trained.diverged}/export", params={"format": "html"})
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert answer.headers["content-disposition"].endswith(f'"{trained.diverged}.html"')
    page = answer.text
    assert page.count("Plotly.newPlot(") >= 8
    assert "<p>This run did not record this: Lyapunov spectrum</p>" in page
    assert VIK[0] in page  # the map of ratios, of whose colours the captions tell
    assert page.count("default-src 'none'") + page.count("default-src &#x27;none&#x27;") == 1
    assert page.endswith("</html>\n")


async def test_html_says_a_status_as_the_pages_do(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"{RUNS}/{trained.succeeded}/export"
    page = (await reader.get(url, params={"format": "html"})).text
    assert "<p>Finished, " in page


async def test_without_the_extra_arrow_is_406_and_says_its_name(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.ipc", None)
    async with serving(create_app(settings_of(trained.data))) as client:
        for path in ("export", "statistics/loss"):
            url = f"{RUNS}/{trained.succeeded}/{path}"
            answer = await client.get(url, params={"format": "arrow"})
            assert (answer.status_code, "gradtide[arrow]" in answer.text) == (406, True)


@pytest.mark.parametrize(
    ("run_id", "format_", "status"),
    [(NO_RUN, "npz", 404), (NO_RUN, "xlsx", 422), (NO_RUN, "html", 404)],
)
async def test_what_cannot_be_exported_is_refused(
    client: httpx.AsyncClient, run_id: str, format_: str, status: int
) -> None:
    answer = await client.get(f"{RUNS}/{run_id}/export", params={"format": format_})
    assert answer.status_code == status


@pytest.mark.parametrize("format_", ["npz", "csv", "arrow", "html"])
async def test_a_run_that_has_recorded_nothing_is_exported_empty(
    client: httpx.AsyncClient, format_: str
) -> None:
    run = await create(client, name="</title><script>alert(1)</script>")
    content = await exported(client, run["id"], format_)
    assert content
    assert format_ != "html" or b"<script>alert" not in content
