"""Names from outside stand in every figure as they were given: Plotly reads a small HTML."""

from collections.abc import AsyncIterator, Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

import engine
from app.figures import FIGURES, success_by_lag, sweep_matrix
from app.main import create_app
from tests.app.api.conftest import SMALL, changed, serving, settings_of, train_into

# Tags that Plotly knows, an entity, a bare sign, and what its hover texts fill in.
ODD = "<b>x</b> <i>&lt; %{x} a<b & c"
# Of so many runs each figure that takes several is drawn.
COMPARED = 2
OF_RUNS = [name for name, figure in FIGURES.items() if figure.runs[1] > 0]
OF_SEVERAL = [name for name in OF_RUNS if FIGURES[name].runs[1] >= COMPARED]


@pytest.fixture(scope="module")
def oddly_named(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two runs with all statistics and nearly one name."""
    data = tmp_path_factory.mktemp("names")
    recording = {"every": 3, "statistics": sorted(engine.STATISTICS)}
    return data, [
        train_into(data, {**changed(SMALL, recording=recording), "name": name})
        for name in (f"1 {ODD}", f"2 {ODD}")
    ]


@pytest.fixture
async def client(oddly_named: tuple[Path, list[str]]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application over these runs."""
    async with serving(create_app(settings_of(oddly_named[0]))) as found:
        yield found


def texts(found: object) -> Iterator[str]:
    """Every string of a figure's JSON."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from texts(each)
    elif isinstance(found, str):
        yield found


async def drawn(client: httpx.AsyncClient, name: str, runs: list[str]) -> list[str]:
    """The texts of a figure as the service sends it."""
    answer = await client.get(f"/api/v1/figures/{name}", params={"run": runs})
    assert answer.status_code == 200, answer.text
    return list(texts(answer.json()))


@pytest.mark.parametrize("name", OF_RUNS)
async def test_no_figure_takes_a_name_for_markup(
    client: httpx.AsyncClient, oddly_named: tuple[Path, list[str]], name: str
) -> None:
    count = min(FIGURES[name].runs[1], COMPARED)
    found = await drawn(client, name, oddly_named[1][:count])
    assert not [text for text in found if "<b>" in text or "<i>" in text]
    assert not [text for text in found if "a<b" in text or "& c" in text]


@pytest.mark.parametrize("name", OF_SEVERAL)
async def test_a_figure_of_several_runs_says_each_name_as_it_is(
    client: httpx.AsyncClient, oddly_named: tuple[Path, list[str]], name: str
) -> None:
    found = [unescape(text) for text in await drawn(client, name, oddly_named[1])]
    # What is long is cut where there is no room.
    seen = ODD[:12] if name == "activation_comparison" else ODD
    assert any(seen in text for text in found)


async def test_the_service_itself_keeps_the_name(
    client: httpx.AsyncClient, oddly_named: tuple[Path, list[str]]
) -> None:
    answer = await client.get(f"/api/v1/runs/{oddly_named[1][0]}")
    assert answer.json()["name"] == f"1 {ODD}"


@pytest.mark.parametrize("lags", [(9,), (9, 19)])
def test_models_of_a_sweep_stand_as_they_are_called(lags: tuple[int, ...]) -> None:
    points = [(lag, 0.5, 0.2, 0.9) for lag in lags]
    figure = success_by_lag.draw({ODD: points, "other": points})
    found = list(texts([figure.data[0].to_plotly_json(), figure.layout.to_plotly_json()]))
    assert not [text for text in found if "<b>" in text]
    assert any(unescape(text) == ODD for text in found)
    assert not [text for text in (each.hovertemplate for each in figure.data) if "%{x} a" in text]


def test_values_of_a_sweep_stand_as_they_are() -> None:
    figure = sweep_matrix.draw([[0.5], [0.1]], value="span", x=(ODD, [ODD]), y=("", [ODD, "b"]))
    frame = figure.layout
    assert unescape(frame.xaxis.title.text) == ODD
    assert [unescape(text) for text in (*frame.xaxis.ticktext, frame.yaxis.ticktext[0])] == [
        ODD
    ] * 2
    assert "<b>" not in frame.xaxis.ticktext[0] + frame.xaxis.title.text
