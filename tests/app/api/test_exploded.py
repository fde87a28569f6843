"""A run whose numbers are infinite from its third step on: everything there is to see of it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.main import create_app
from tests.app.api.conftest import SMALL, changed, serving, settings_of, train_into

EXPLODING = changed(
    SMALL,
    model={"activation": "relu"},
    training={"steps": 40, "optimizer": {"kind": "sgd", "learning_rate": 1e6}, "clipping": None},
    recording={"every": 1},
)
FORMATS = ("json", "npy", "npz", "csv", "arrow", "f4")
EXPORTS = ("npz", "csv", "arrow", "html", "tensorboard")
PAGES = ("/", "/runs/{run}", "/runs/{run}/remedies", "/compare?run={run}&run={run}")


@pytest.fixture(scope="module")
def exploded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    data = tmp_path_factory.mktemp("exploded")
    return data, train_into(data, EXPLODING)


@pytest.fixture
async def client(exploded: tuple[Any, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(settings_of(exploded[0]))) as client:
        yield client


async def require_200(client: httpx.AsyncClient, *addresses: str) -> None:
    answers = {each: await client.get(each) for each in addresses}
    refused = {each: a.text[:200] for each, a in answers.items() if a.status_code != 200}
    assert refused == {}


async def test_the_run_ends_diverged_where_its_loss_is_no_longer_finite(
    client: httpx.AsyncClient, exploded: tuple[Any, str]
) -> None:
    run = (await client.get(f"/api/v1/runs/{exploded[1]}")).json()
    losses = (await client.get(f"/api/v1/runs/{exploded[1]}/statistics/loss")).json()["data"]
    assert run["status"] == "diverged"
    assert losses[-1] in ("Infinity", "NaN")
    assert all(isinstance(loss, float) for loss in losses[:-1])
    assert len(losses) <= 4


async def test_every_statistic_is_answered_at_every_step_in_every_format(
    client: httpx.AsyncClient, exploded: tuple[Any, str]
) -> None:
    at = f"/api/v1/runs/{exploded[1]}/statistics"
    listed = (await client.get(at)).json()
    found = {each["name"]: each["coords"]["step"] for each in listed}
    assert len(found) > 5
    for name, steps in found.items():
        for step in steps:
            queries = [f"{at}/{name}?step={step}&format={format_}" for format_ in FORMATS]
            await require_200(client, *queries)


async def test_every_figure_is_drawn_at_its_last_step(
    client: httpx.AsyncClient, exploded: tuple[Any, str]
) -> None:
    listed = (await client.get("/api/v1/figures")).json()
    of_one = [each["name"] for each in listed if each["runs"][0] <= 1 <= each["runs"][1]]
    assert len(of_one) > 5
    answers = {
        name: await client.get(f"/api/v1/runs/{exploded[1]}/figures/{name}") for name in of_one
    }
    # What was not recorded cannot be drawn, and is said to be so.
    refused = {name: a.text[:300] for name, a in answers.items() if a.status_code not in (200, 404)}
    assert refused == {}
    assert sum(answer.status_code == 200 for answer in answers.values()) >= 5


async def test_every_export_and_every_page_is_answered(
    client: httpx.AsyncClient, exploded: tuple[Any, str]
) -> None:
    run = exploded[1]
    exports = [f"/api/v1/runs/{run}/export?format={format_}" for format_ in EXPORTS]
    pages = [page.replace("{run}", run) for page in PAGES]
    rest = [f"/api/v1/runs/{run}/{name}" for name in ("", "verdict", "checkpoints", "chain")]
    compare = f"/api/v1/compare?run={run}&run={run}&statistic=hidden_gradient_norm"
    await require_200(client, *exports, *pages, *(each.rstrip("/") for each in rest), compare)
