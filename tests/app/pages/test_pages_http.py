"""The pages over HTTP: without a script they list, filter, take a form and say what is wrong."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from app.main import create_app
from app.runs.starter import starter_configurations
from tests.app.api.conftest import SMALL, serving, settings_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = {"Accept": "text/html"}
FIELDS = {"/task": "adding", "/task/length": "12", "/model/cell": "gru", "/training/steps": "3"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose runs stay queued."""
    async with serving(create_app(settings_of(tmp_path))) as client:
        yield client


def rows_of(page: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'data-name="([^"]*)"', page)]


async def start(client: httpx.AsyncClient, name: str) -> str:
    answer = await client.post("/api/v1/runs", json={**SMALL, "name": name})
    return str(answer.json()["id"])


async def test_an_empty_list_invites_to_start(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert "No runs yet" in page
    assert "/runs/new/starter" in page


async def test_the_list_shows_the_newest_run_first(client: httpx.AsyncClient) -> None:
    for name in ("one", "two"):
        await start(client, name)
    assert rows_of((await client.get("/")).text) == ["two", "one"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=ON", ["one"]),
        ("status=queued", ["two", "one"]),
        ("status=running", []),
        ("q=x", []),
        ("sort=name", ["one", "two"]),
        ("sort=upside-down", ["two", "one"]),
        ("cell=elman", ["two", "one"]),
        ("cell=lstm", []),
        ("tag=absent", []),
    ],
)
async def test_a_filter_is_part_of_the_address(
    client: httpx.AsyncClient, query: str, names: list[str]
) -> None:
    for name in ("one", "two"):
        await start(client, name)
    page = (await client.get(f"/?{query}")).text
    assert rows_of(page) == names
    assert ("No run matches" in page) == (names == [])


async def test_a_name_is_text_and_never_markup(client: httpx.AsyncClient) -> None:
    name = '<script>alert("1")</script>&amp;'
    await start(client, name)
    page = (await client.get("/")).text
    assert "<script>alert" not in page
    assert rows_of(page) == [name]


async def test_more_runs_than_a_page_holds_are_behind_a_link(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pages.index.PAGE_SIZE", 2)
    for name in ("one", "two", "three"):
        await start(client, name)
    page = (await client.get("/")).text
    link = re.search(r'href="(/\?[^"]*cursor=[^"]*)"', page)
    assert link is not None
    older = (await client.get(unescape(link[1]))).text
    assert (rows_of(page), rows_of(older)) == (["three", "two"], ["one"])


async def test_the_ways_to_other_pages_and_tags_keep_what_is_filtered(
    client: httpx.AsyncClient,
) -> None:
    for i in range(3):
        kept = {**SMALL, "name": f"kept {i}", "tags": ["apart & on"]}
        assert (await client.post("/api/v1/runs", json=kept)).status_code == 201
    page = (await client.get("/?q=kept&sort=name")).text
    assert 'href="/?q=kept&amp;sort=name&amp;tag=apart%20%26%20on"' in page
    cursor = (await client.get("/api/v1/runs?q=kept&sort=name&limit=1")).json()["next_cursor"]
    later = (await client.get("/", params={"q": "kept", "sort": "name", "cursor": cursor})).text
    assert later.count("data-run=") == 2
    assert '<a class="button" href="/?q=kept&amp;sort=name">First page</a>' in later


async def test_a_form_without_a_script_starts_a_run(client: httpx.AsyncClient) -> None:
    answer = await client.post("/runs/new", content=urlencode(FIELDS), headers=FORM)
    assert answer.status_code == 303
    run = (await client.get(f"/api/v1{answer.headers['location']}")).json()
    assert run["config"]["model"]["cell"] == "gru"
    assert run["config"]["task"]["length"] == 12


async def test_a_refused_form_comes_back_with_its_values_and_what_is_wrong(
    client: httpx.AsyncClient,
) -> None:
    body = urlencode({**FIELDS, "/training/steps": "many", "/model/hidden_size": "0"})
    answer = await client.post("/runs/new", content=body, headers=FORM)
    assert answer.status_code == 422
    for pointer, value, words in (
        ("/training/steps", "many", "expected an integer"),
        ("/model/hidden_size", "0", "from 1 to 4096"),
    ):
        field = answer.text.split(f'data-field="{pointer}"', 1)[1].split("data-field=", 1)[0]
        assert f'value="{value}"' in field
        assert words in field
    assert (await client.get("/api/v1/runs")).json()["items"] == []


async def test_the_list_invites_to_compare_the_starter_runs(client: httpx.AsyncClient) -> None:
    await start(client, "another")
    assert "Compare these four" not in (await client.get("/")).text
    compared = (await client.post("/runs/new/starter")).headers["location"]
    page = (await client.get("/")).text
    assert f'<a href="{compared}">Compare these four</a>' in unescape(page)
    assert "Compare these four" not in (await client.get("/?q=another")).text


async def test_a_starter_run_that_is_run_anew_is_no_starter_run(client: httpx.AsyncClient) -> None:
    compared = (await client.post("/runs/new/starter")).headers["location"]
    first = httpx.URL(compared).params.get_list("run")[0]
    form = (await client.get(f"/runs/new?from={first}&record=gate")).text
    assert 'name="/tags" value=""' in form
    # One of before, whose tag came along.
    config = (await client.get(f"/api/v1/runs/{first}")).json()["config"]
    await client.post("/api/v1/runs", json={**config, "name": None})
    page = unescape((await client.get("/")).text)
    assert f'<a href="{compared}">Compare these four</a>' in page


async def test_the_page_of_a_run_has_its_tags_but_not_those_that_were_given(
    client: httpx.AsyncClient,
) -> None:
    tags = ["remedies-of-7", "GRU", "mine", "two words"]
    run = (await client.post("/api/v1/runs", json={**SMALL, "tags": tags})).json()["id"]
    page = unescape((await client.get(f"/runs/{run}")).text)
    assert 'id="tags-field" value="mine, two words"' in page
    assert 'data-own="["remedies-of-7", "GRU"]"' in page
    row = (await client.get("/")).text
    assert "remedies-of-7" not in row
    assert f'href="/runs/{run}#tags"' in row


async def test_the_starter_comparison_is_four_runs(client: httpx.AsyncClient) -> None:
    answer = await client.post("/runs/new/starter")
    runs = httpx.URL(answer.headers["location"]).params.get_list("run")
    found = [(await client.get(f"/api/v1/runs/{run}")).json()["name"] for run in runs]
    assert found == [config["name"] for config in starter_configurations()]


async def test_a_chosen_run_can_be_kept_however_many_are_newer(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pages.compare.MOST_CHOICES", 1)
    first, second, _ = [await start(client, name) for name in ("first", "second", "third")]
    for asked in ([first], [first, second]):
        page = (await client.get("/compare", params={"run": asked})).text
        offered = re.findall(r'type="checkbox" name="run" value="([^"]+)"( checked)?', page)
        assert [run for run, ticked in offered if ticked] == asked
        assert len(offered) == len(asked) + 1


async def test_runs_to_compare_are_found_by_name_and_what_is_ticked_stays(
    client: httpx.AsyncClient,
) -> None:
    first, second = [await start(client, name) for name in ("first", "second")]
    asked = {"run": [first], "q": "sec", "find": "on"}
    page = (await client.get("/compare", params=asked)).text
    offered = re.findall(r'type="checkbox" name="run" value="([^"]+)"( checked)?', page)
    assert offered == [(first, " checked"), (second, "")]
    assert 'value="sec"' in page
    assert "data-refusal" not in page, "who searches has not chosen yet"
    page = (await client.get("/compare", params={**asked, "q": "none is called so"})).text
    assert "No run matches; what is ticked stays." in page
    assert first in page
    # The comparison that is seen stays, too.
    both = (await client.get("/compare", params={**asked, "run": [first, second]})).text
    assert f'data-compared="{second}"' in both


async def test_a_run_can_be_the_start_of_another(client: httpx.AsyncClient) -> None:
    run = await start(client, "first")
    page = (await client.get(f"/runs/new?from={run}")).text
    assert 'name="/task/length" value="12"' in page
    assert ">first</a>" in page


@pytest.mark.parametrize("page", ["/", "/runs/{run}"])
async def test_every_link_to_a_run_like_this_one_fills_the_form(
    client: httpx.AsyncClient, page: str
) -> None:
    run = await start(client, "first")
    text = (await client.get(page.format(run=run))).text
    links = re.findall(rf'href="(/runs/new\?[^"]*{run}[^"]*)"', text)
    assert links
    for link in links:
        assert ">first</a>" in (await client.get(unescape(link))).text


async def test_an_unknown_run_is_a_page_of_its_own(client: httpx.AsyncClient) -> None:
    answer = await client.get("/runs/new?from=nobody", headers=PAGE)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "To the list of runs" in answer.text


@pytest.mark.parametrize("address", ["/runs/new", "/sweeps/new"])
async def test_a_body_of_more_fields_than_any_form_has_is_malformed(
    client: httpx.AsyncClient, address: str
) -> None:
    body = urlencode([("/task", "adding")] * 600)
    answer = await client.post(address, content=body, headers=FORM | PAGE)
    assert answer.status_code == 400
    assert "more than 500 fields" in answer.text


@pytest.mark.parametrize("value", ["reach_", "xfinal_loss", "log10_span", ""])
async def test_a_sweeps_page_knows_the_values_it_can_draw_and_no_others(
    client: httpx.AsyncClient, value: str
) -> None:
    grid = {"base": SMALL, "axes": {"model.activation": ["tanh", "relu"]}}
    sweep = (await client.post("/api/v1/sweeps", json=grid)).json()["id"]
    answer = await client.get(f"/sweeps/{sweep}", params={"value": value}, headers=PAGE)
    assert answer.status_code == 422
    said = "value: expected one of final_loss, reach, decay, span, success, got"
    assert unescape(answer.text).count(f"{said} {value!r}") == 1


async def test_another_sites_form_is_refused(client: httpx.AsyncClient) -> None:
    headers = {**FORM, "Origin": "http://elsewhere.example"}
    answer = await client.post("/runs/new", content=urlencode(FIELDS), headers=headers)
    assert answer.status_code == 403


async def test_the_pages_before_the_token_need_only_what_is_open(tmp_path: Path) -> None:
    app = create_app(settings_of(tmp_path, token="secret"))
    async with serving(app) as client:
        for page in (await client.get("/", headers=PAGE), await client.get("/login")):
            for address in re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text):
                if address == "/":
                    continue
                answer = await client.get(unescape(address))
                assert answer.status_code == 200, address


async def test_a_wrong_token_is_told_beside_the_field(tmp_path: Path) -> None:
    async with serving(create_app(settings_of(tmp_path, token="secret"))) as client:
        answer = await client.post("/login", content="token=guess", headers=FORM)
    assert answer.status_code == 401
    assert "This is not the token." in answer.text
    assert "guess" not in answer.text
