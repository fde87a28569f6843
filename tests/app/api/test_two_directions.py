"""A run whose layers read both ways, over HTTP: its layers by name, its figures, its page."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load

import engine
from app.main import create_app
from tests.app.api.conftest import SMALL, changed, serving, settings_of, train_into

EVERY = [name for name, entry in engine.STATISTICS.items() if entry.compute]
ONE = changed(
    SMALL,
    task={"kind": "copy", "length": 24},
    model={"cell": "lstm", "activation": None, "layers": 1, "bidirectional": True},
    recording={"statistics": EVERY},
)
TWO = changed(ONE, model={"layers": 2})
T = 24

FIGURES = (
    "hidden_gradient_norm",
    "hidden_gradient",
    "decay",
    "loss_state_gradient",
    "jacobian_product_norm",
    "gain_factors",
    "weight_geometry",
    "gate",
    "path_gradient",
    "lyapunov_spectrum",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A store with a run of one such layer, and one of two."""
    folder = tmp_path_factory.mktemp("directions")
    return folder, train_into(folder, ONE), train_into(folder, TWO)


@pytest.fixture
async def client(data: tuple[Path, str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application over these runs."""
    async with serving(create_app(settings_of(data[0]))) as client:
        yield client


async def get(
    client: httpx.AsyncClient,
    address: str,
    **query: Any,  # noqa: ANN401  # coordinates
) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/runs/{address}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_layers_are_chosen_by_name(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    run = data[2]
    whole = await get(client, f"{run}/statistics/hidden_gradient_norm", step="last")
    assert whole["coords"]["layer"] == ["0", "0r", "1", "1r"]
    for at, layer in enumerate(whole["coords"]["layer"]):
        part = await get(client, f"{run}/statistics/hidden_gradient_norm", step="last", layer=layer)
        assert part["data"][0][0] == whole["data"][0][at]


async def test_what_is_not_defined_in_a_direction_is_null_and_a_stack_has_no_null(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    _, one, two = data
    found = await get(client, f"{one}/statistics/loss_state_gradient", step="last")
    times, states = found["coords"]["loss_time"], found["coords"]["state_time"]
    null = np.array([[[x is None for x in row] for row in layer] for layer in found["data"][0]])
    k, t = np.array(states)[None, :], np.array(times)[:, None]
    assert np.array_equal(null, np.stack([k > t, k < t]))
    stacked = await get(client, f"{two}/statistics/loss_state_gradient", step="last")
    assert not any(x is None for layer in stacked["data"][0] for row in layer for x in row)


async def test_path_terms_of_a_direction_are_null_on_the_side_that_it_does_not_reach(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    found = await get(client, f"{data[1]}/statistics/path_gradient", step="last")
    for name, terms in zip(found["coords"]["parameter"], found["data"][0], strict=True):
        if not name.startswith("readout"):
            first = [row[0] is None for row in terms]
            last = [row[-1] is None for row in terms]
            reverse = name.endswith("_reverse")
            assert all((first if reverse else last)[1:-1])
            assert not any((last if reverse else first)[1:-1])


@pytest.mark.parametrize("layer", ["0", "0r", "1r"])
@pytest.mark.parametrize("name", FIGURES)
async def test_every_figure_is_drawn_of_each_direction(
    client: httpx.AsyncClient, data: tuple[Path, str, str], name: str, layer: str
) -> None:
    for run in data[1:]:
        figure = await get(client, f"{run}/figures/{name}", layer=layer)
        assert figure["data"], figure["layout"]


async def test_the_decay_of_a_layer_that_reads_backwards_starts_at_the_first_loss(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    row = await get(client, f"{data[1]}/statistics/last_loss_gradient", step="last", layer="0r")
    values = row["data"][0][0]
    assert not any(value is None for value in values)
    figure = await get(client, f"{data[1]}/figures/decay", layer="0r")
    title = figure["layout"]["xaxis"]["title"]["text"]
    assert "k − τ" in title


async def test_the_page_offers_each_direction_and_starts_with_the_top_one_ahead(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    page = (await client.get(f"/runs/{data[2]}")).text
    for layer in ("0", "0r", "1", "1r"):
        assert f'<option value="{layer}">{layer}' in page
    assert ">1 (top)<" in page
    assert ">1r (top)<" not in page
    assert (await client.get(f"/compare?run={data[1]}&run={data[2]}")).status_code == 200


async def test_the_checkpoint_has_pytorchs_names(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    answer = await client.get(f"/api/v1/runs/{data[2]}/checkpoints/6", params={"part": "recurrent"})
    weights = load(answer.content)
    assert weights["weight_ih_l1_reverse"].shape == (20, 10)
    assert set(weights) == {
        f"{part}_l{layer}{side}"
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for layer in (0, 1)
        for side in ("", "_reverse")
    }


async def test_the_verdict_is_on_the_top_layer_ahead(
    client: httpx.AsyncClient, data: tuple[Path, str, str]
) -> None:
    told = await get(client, f"{data[2]}/verdict")
    row = await get(client, f"{data[2]}/statistics/last_loss_gradient", step="last", layer="1")
    values = row["data"][0][0]
    assert told["log10_span"] == pytest.approx(values[0] - values[-1], abs=1e-6)


async def test_a_trace_says_null_where_a_direction_does_not_reach(
    client: httpx.AsyncClient,
) -> None:
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (3, 2), "weight_hh_l0": (3, 3), "bias_ih_l0": (3,)}
    shapes |= {f"{name}_reverse": shape for name, shape in shapes.items()}
    shapes |= {"readout.weight": (2, 6), "readout.bias": (2,)}
    answer = await client.post(
        "/api/v1/traces",
        json={
            "cell": "elman",
            "parameters": {name: rng.normal(size=shape).tolist() for name, shape in shapes.items()},
            "inputs": rng.normal(size=(4, 1, 2)).tolist(),
            "targets": [[0], [1], [0], [1]],
        },
    )
    assert answer.status_code == 200, answer.text
    ahead, behind = answer.json()["loss_state_gradients"]
    null = np.array([[row is None for row in rows] for rows in (*ahead, *behind)])
    k, t = np.arange(4)[None, :], np.arange(4)[:, None]
    assert np.array_equal(null, np.concatenate([k > t, k < t]))
