"""The pages of uploads: lists with a form that needs no script, and what leads on from each."""

import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from app.pages.new_form import START, new_page
from app.settings import Settings
from app.store import open_store
from app.uploads import Wanted, keep_dataset, keep_model
from tests.app.pages.test_pages_form import by_pointer

PAGE = {"Accept": "text/html"}
TABLE = b"time,load,city\n" + b"".join(b"%d,%d,x\n" % (i, i % 5) for i in range(200))


def weights() -> bytes:
    shapes = {"weight_ih_l0": (4, 2), "weight_hh_l0": (4, 4), "fc.weight": (1, 4)}
    return save({name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()})


async def sent(client: httpx.AsyncClient, path: str, content: bytes) -> httpx.Response:
    files = {"file": ("mine.csv", content, "application/octet-stream")}
    return await client.post(path, files=files, data={"name": "<i>mine</i>"}, headers=PAGE)


@pytest.mark.parametrize(("path", "content"), [("/datasets", TABLE), ("/models", weights())])
async def test_an_upload_is_listed_shown_and_deleted(
    client: httpx.AsyncClient,
    path: str,
    content: bytes,
) -> None:
    empty = await client.get(path)
    made = await sent(client, path, content)
    place = made.headers["location"]
    shown, listed = await client.get(place), await client.get(path)
    gone = await client.post(f"{place}/delete")
    missing = await client.get(place, headers=PAGE)
    assert "Nothing is here yet" in empty.text
    assert (made.status_code, gone.status_code, missing.status_code) == (303, 303, 404)
    for page in (shown, listed):
        assert page.status_code == 200
        assert "&lt;i&gt;mine&lt;/i&gt;" in page.text
    assert place in listed.text


async def test_what_is_wrong_stands_above_the_form(client: httpx.AsyncClient) -> None:
    answer = await sent(client, "/datasets", b"a,b\n1,2\n3,x\n")
    assert answer.status_code == 422
    assert "mine.csv: b: expected a number or nothing, but line 3 holds" in answer.text
    assert "Nothing is here yet" in answer.text


async def test_columns_lead_to_the_form_filled_in(client: httpx.AsyncClient) -> None:
    place = (await sent(client, "/datasets", TABLE)).headers["location"]
    data = place.rpartition("/")[2]
    page = (await client.get(place)).text
    assert "left out: no numbers: line 2 holds" in page
    assert page.count('name="/task/inputs"') == 2
    query = {
        "/task": "series", "/task/dataset": data, "/model/cell": "lstm",
        "/task/inputs": ["time", "load"], "/task/targets": "load",
    }  # fmt: skip
    form = (await client.get("/runs/new", params=query)).text
    assert re.search(rf'<option value="{data}"[^>]* selected>', form)
    assert 'value="time, load"' in form


@pytest.mark.parametrize("rows", [30, 400, 5000])
async def test_what_is_filled_in_for_a_table_can_be_run(
    client: httpx.AsyncClient,
    rows: int,
) -> None:
    table = b"load\n" + b"".join(b"%d\n" % (i % 7) for i in range(rows))
    page = (await client.get((await sent(client, "/datasets", table)).headers["location"])).text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    body = {**fields, "/task/inputs": "load", "/task/targets": "load"}
    answer = await client.post(
        "/runs/new",
        content=urlencode(body),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 303, answer.text
    run = (await client.get(answer.headers["location"])).text
    assert "&lt;i&gt;mine&lt;/i&gt;" in run, "the run names its data set"
    assert "&lt;i&gt;mine&lt;/i&gt;" in (await client.get("/")).text


async def test_a_model_leads_to_every_task_that_it_fits(client: httpx.AsyncClient) -> None:
    place = (await sent(client, "/models", weights())).headers["location"]
    page = (await client.get(place)).text
    links = re.findall(r'href="(/runs/new\?[^"]+)">(Analyse as is|Train on it)', page)
    read = [parse_qs(urlsplit(link.replace("&amp;", "&")).query) for link, _ in links]
    configs = [json.loads(query["config"][0]) for query in read]
    # Two inputs and one answer: adding and multiplication, each both ways.
    kinds = [config["task"]["kind"] for config in configs]
    assert kinds == ["adding", "adding", "multiplication", "multiplication"]
    assert [config["training"]["steps"] for config in configs] == [0, 1000, 0, 1000]
    for config in configs:
        made = await client.post("/api/v1/runs", json=config)
        assert made.status_code == 201, made.text


def test_the_form_offers_what_was_uploaded(settings: Settings) -> None:
    store = open_store(settings)
    for name, content in {"t.csv": TABLE, "m": weights()}.items():
        (settings.data / name).write_bytes(content)
    most = settings.max_upload_bytes
    table = keep_dataset(store, settings.data / "t.csv", hints=("t.csv",), most_bytes=most)
    model = keep_model(store, settings.data / "m", wanted=Wanted(), hints=("m",), most_bytes=most)
    store.close()
    values = {**START, "task": {"kind": "series", "dataset": "gone"}}
    fields = by_pointer(new_page(values, uploads=[table, model]))
    offered = [(one.value, one.title) for one in fields["/task/dataset"].options]
    assert offered == [("", "none"), (table.id, "t.csv"), ("gone", "gone")]
    assert fields["/task/dataset"].text == "gone"
    titles = [one.title for one in fields["/model/from_model"].options]
    assert titles == ["none", "m (elman)"]
