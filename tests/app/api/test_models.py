"""Models over REST: uploaded, recognised, looked at as they are, trained on, deleted."""

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from app.main import create_app
from app.runs.controls import controlled
from app.runs.inputs import described
from app.runs.training import train_run
from app.settings import Settings
from app.store import Store, open_store
from tests.app.api.conftest import SMALL, serving

PATH = "/api/v1/models"
H, D, K = 5, 2, 1


def weights(**shapes: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(7)
    sizes = {
        "net.rnn.weight_ih_l0": (4 * H, D),
        "net.rnn.weight_hh_l0": (4 * H, H),
        "net.rnn.bias_ih_l0": (4 * H,),
        "net.rnn.bias_hh_l0": (4 * H,),
        "net.fc.weight": (K, H),
        "net.fc.bias": (K,),
    } | shapes
    return {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}


async def uploaded(client: httpx.AsyncClient, **shapes: tuple[int, ...]) -> dict[str, Any]:
    answer = await client.post(f"{PATH}?name=mine", content=save(weights(**shapes)))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_model_is_described_and_listed(client: httpx.AsyncClient) -> None:
    found = await uploaded(client)
    told = found["description"]
    assert (found["name"], found["cell"]) == ("mine", "lstm")
    assert (told["prefix"], told["readout"]) == ("net.rnn", "net.fc")
    assert (told["inputs"], told["outputs"], told["left_out"]) == (D, K, [])
    assert told["model"]["from_model"] == found["id"]
    assert told["parameters"]["readout.weight"] == [K, H]
    assert (await client.get(f"{PATH}/{found['id']}")).json() == found
    assert (await client.get(PATH)).json() == {"items": [found], "next_cursor": None}


def config_of(found: dict[str, Any], steps: int) -> dict[str, Any]:
    return {
        **SMALL,
        "model": found["description"]["model"],
        "training": {**SMALL["training"], "steps": steps},
        "recording": {**SMALL["recording"], "statistics": ["hidden_gradient_norm"]},
    }


def trained(store: Store, config: dict[str, Any]) -> str:
    """Train a configuration as a worker does; return the run's id."""
    run, _ = store.runs.create(*described(config, store))
    claim = store.attempts.claim(run.id, "a test")
    assert claim is not None
    with controlled(store, claim) as control:
        assert train_run(store, claim, control, checkpoint_seconds=30) == "succeeded"
    return run.id


@pytest.mark.parametrize("steps", [0, 6])
async def test_a_run_starts_from_the_uploaded_weights(settings: Settings, steps: int) -> None:
    async with serving(create_app(settings)) as client:
        found = await uploaded(client)
    store = open_store(settings)
    run = trained(store, config_of(found, steps))
    first = load(store.checkpoints.read(run, 0))
    last = load(store.checkpoints.read(run, steps))
    names = {array.name for array in store.arrays.describe(run)}
    store.close()
    given = weights()
    assert np.array_equal(first["weight_hh_l0"], given["net.rnn.weight_hh_l0"])
    both = given["net.rnn.bias_ih_l0"] + given["net.rnn.bias_hh_l0"]
    np.testing.assert_allclose(first["bias_ih_l0"], both, rtol=1e-6)
    assert np.array_equal(first["readout.weight"], given["net.fc.weight"])
    assert np.array_equal(first["weight_hh_l0"], last["weight_hh_l0"]) == (steps == 0)
    assert "hidden_gradient_norm" in names


async def test_weights_without_a_read_out_get_one(settings: Settings) -> None:
    state = {name: value for name, value in weights().items() if "fc" not in name}
    async with serving(create_app(settings)) as client:
        found = (await client.post(PATH, content=save(state))).json()
    assert found["description"]["outputs"] is None
    store = open_store(settings)
    first = load(store.checkpoints.read(trained(store, config_of(found, 0)), 0))
    store.close()
    assert first["readout.weight"].shape == (1, H)
    assert np.array_equal(first["weight_hh_l0"], state["net.rnn.weight_hh_l0"])


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "another size": ({"hidden_size": 6}, {}, ["/model/hidden_size"]),
    "two faults": ({"cell": "gru", "layers": 2}, {}, ["/model/cell", "/model/layers"]),
    "unknown": ({"from_model": "x"}, {}, ["/model/from_model"]),
    "a task of classes": ({}, {"kind": "temporal_order", "length": 12}, ["/model/from_model"] * 2),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_what_does_not_fit_the_weights_is_refused_at_its_place(
    client: httpx.AsyncClient, case: str
) -> None:
    model, task, pointers = CHANGES[case]
    config = config_of(await uploaded(client), 2)
    config = {**config, "model": {**config["model"], **model}}
    if task:
        config["task"] = task
    answer = await client.post("/api/v1/runs", json=config)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


async def test_what_is_wrong_with_a_file_is_told_place_by_place(client: httpx.AsyncClient) -> None:
    shapes = {"net.rnn.bias_hh_l0": (3,), "net.rnn.bias_ih_l0": (1,)}
    answer = await client.post(PATH, content=save(weights(**shapes)))
    found = answer.json()
    assert (answer.status_code, found["type"]) == (422, "/problems/invalid-upload")
    assert [error["pointer"] for error in found["errors"]] == ["/bias_ih_l0", "/bias_hh_l0"]
    assert "expected shape (20,), got (3,)" in found["detail"]


async def test_a_model_is_deleted_unless_a_run_starts_from_it(client: httpx.AsyncClient) -> None:
    found = await uploaded(client)
    made = await client.post("/api/v1/runs", json=config_of(found, 2))
    refused = await client.delete(f"{PATH}/{found['id']}")
    await client.post(f"/api/v1/runs/{made.json()['id']}/cancel")
    gone = await client.delete(f"{PATH}/{found['id']}")
    again = await client.get(f"{PATH}/{found['id']}")
    assert (refused.status_code, gone.status_code, again.status_code) == (409, 204, 404)
