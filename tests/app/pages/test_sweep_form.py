"""The form of a sweep: a base, axes from the schema, seeds; counted before, refused in place."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

import engine
from app.main import create_app
from app.pages.new_form import START, new_page
from app.pages.sweep_axes import Choice, axis_values, choices_of, values_text
from tests.app.api.conftest import SMALL, serving, settings_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FIELDS = {
    "/task": "adding",
    "/task/length": "12",
    "/model/cell": "elman",
    "/training/steps": "30",
    "axis-1": "model.activation",
    "values-1": "tanh, relu",
    "axis-2": "model.hidden_size",
    "values-2": "4, 8, 16",
    "seeds": "2",
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose runs stay queued."""
    async with serving(create_app(settings_of(tmp_path))) as client:
        yield client


@pytest.fixture(scope="module")
def choices() -> dict[str, Choice]:
    groups = choices_of(new_page(START).groups)
    return {choice.path: choice for group in groups.values() for choice in group}


async def send(client: httpx.AsyncClient, query: str = "", **changes: str) -> httpx.Response:
    fields = {**FIELDS, **{key.replace("_", "-"): text for key, text in changes.items()}}
    return await client.post(f"/sweeps/new{query}", content=urlencode(fields), headers=FORM)


def part_of(page: str, name: str) -> str:
    return unescape(page.split(f'data-part="{name}"', 1)[1].split(">", 1)[1].split("</", 1)[0])


@pytest.mark.parametrize(
    ("path", "text", "values"),
    [
        ("model.hidden_size", "4, 8,16", [4, 8, 16]),
        ("model.activation", "tanh, ReLU", ["tanh", "relu"]),
        ("model.bias", "true, false", [True, False]),
        ("training.optimizer.kind", "sgd, adam", ["sgd", "adam"]),
        ("training.clipping", "none, norm", [None, {"kind": "norm"}]),
        ("training.optimizer.learning_rate", "1e-3, big", [0.001, "big"]),
        ("task.kind", "adding, copy", ["adding", "copy"]),
    ],
)
def test_a_comma_list_is_read_as_its_field_takes_it(
    choices: dict[str, Choice], path: str, text: str, values: list[object]
) -> None:
    assert axis_values(choices[path], text) == values
    assert axis_values(choices[path], values_text(choices[path], values)) == values


def test_what_varies_is_every_field_but_what_is_recorded(choices: dict[str, Choice]) -> None:
    assert {"task.length", "model.cell", "training.steps"} <= set(choices)
    assert not [path for path in choices if path.startswith("recording")]
    assert choices["training.optimizer.learning_rate"].title == "Optimizer: Learning rate"


async def test_an_untouched_form_names_what_it_will_make(client: httpx.AsyncClient) -> None:
    page = (await client.get("/sweeps/new")).text
    steps = int(engine.RunConfig.from_dict(START).to_dict()["training"]["steps"])  # type: ignore[index]
    assert f"6 runs of {6 * steps:,} training steps in all" in part_of(page, "preview")
    assert (await client.get("/api/v1/sweeps")).json()["items"] == []


async def test_the_lists_of_sweeps_and_the_page_of_a_run_lead_to_it(
    client: httpx.AsyncClient,
) -> None:
    assert 'href="/sweeps/new"' in (await client.get("/sweeps")).text
    run = (await client.post("/api/v1/runs", json=SMALL)).json()["id"]
    assert f'href="/sweeps/new?from={run}"' in (await client.get(f"/runs/{run}")).text
    page = (await client.get(f"/sweeps/new?from={run}")).text
    assert f'Around <a href="/runs/{run}">' in page
    assert f'name="/task/length" value="{SMALL["task"]["length"]}"' in page


async def test_the_form_makes_the_sweep_that_it_counted(client: httpx.AsyncClient) -> None:
    counted = part_of((await send(client, "?preview=1")).text, "preview")
    assert "12 runs of 360 training steps" in counted
    answer = await send(client)
    assert answer.status_code == 303
    sweep = (await client.get(f"/api/v1{answer.headers['location']}")).json()
    assert sweep["axes"] == {"model.activation": ["tanh", "relu"], "model.hidden_size": [4, 8, 16]}
    assert len(sweep["runs"]) == 12
    names = [
        (await client.get(f"/api/v1/runs/{run['id']}")).json()["name"] for run in sweep["runs"]
    ]
    assert len(set(names)) == 12, "seeds tell the runs of a combination apart"


def offered_in(page: str) -> set[str]:
    """Return what the first axis offers."""
    axis = page.split('id="axis-1"', 1)[1].split("</select>", 1)[0]
    return set(re.findall(r'<option value="([^"]+)"', axis))


@pytest.mark.parametrize(
    ("changes", "there", "away"),
    [
        ({}, set(), {"model.options.alpha", "model.options.skip"}),
        ({"/model/cell": "leaky"}, {"model.options.alpha"}, {"model.options.skip"}),
        (
            {"axis-2": "model.cell", "values-2": "elman, leaky"},
            {"model.options.alpha"},
            {"model.options.skip"},
        ),
        ({"axis-1": "model.options.alpha", "values-1": "0.5"}, {"model.options.alpha"}, set()),
    ],
)
async def test_options_are_offered_for_the_kinds_that_are_there(
    client: httpx.AsyncClient, changes: dict[str, str], there: set[str], away: set[str]
) -> None:
    fields = urlencode({**FIELDS, **changes})
    answer = await client.post("/sweeps/new?preview=1", content=fields, headers=FORM)
    offered = offered_in(answer.text)
    assert there | {"model.cell", "training.optimizer.learning_rate"} <= offered
    assert not away & offered


async def test_a_sweeps_name_is_asked_for_as_such(client: httpx.AsyncClient) -> None:
    page = (await client.get("/sweeps/new")).text
    assert "What the sweep is called" in page
    assert "What the run is called" not in page


async def test_combinations_that_cannot_be_run_are_named_before(client: httpx.AsyncClient) -> None:
    page = (await send(client, "?preview=1", axis_2="model.cell", values_2="elman, lstm")).text
    assert "4 runs of 120" in part_of(page, "preview")
    assert "the cell lstm fixes its activation" in page


@pytest.mark.parametrize(
    ("changes", "part", "words"),
    [
        ({"values_1": ""}, "problem-1", "expected a list of values"),
        ({"values_1": "tanh, tanh"}, "problem-1", "stands in the list already"),
        ({"values_2": "many"}, "problem-2", "expected an integer"),
        ({"seeds": "0"}, "problem-seeds", "from 1 to 100"),
        ({"seeds": ""}, "problem-seeds", "from 1 to 100"),
        ({"axis_1": "model.nonsense"}, "problem-1", "unknown key"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    client: httpx.AsyncClient, changes: dict[str, Any], part: str, words: str
) -> None:
    for query, status in (("", 422), ("?preview=1", 200)):
        answer = await send(client, query, **changes)
        assert answer.status_code == status
        assert words in part_of(answer.text, part)
    assert (await client.get("/api/v1/sweeps")).json()["items"] == []


async def test_a_fault_of_the_base_stands_beside_the_field_of_the_base(
    client: httpx.AsyncClient,
) -> None:
    fields = {**FIELDS, "/training/steps": "many"}
    answer = await client.post("/sweeps/new", content=urlencode(fields), headers=FORM)
    assert answer.status_code == 422
    field = answer.text.split('data-field="/training/steps"', 1)[1].split("data-field=", 1)[0]
    assert "expected an integer" in field
    assert 'value="many"' in field
