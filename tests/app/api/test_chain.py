"""One path term over REST: of every recorded step, equal to what was recorded."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from safetensors.numpy import load

import engine
from app.main import create_app
from app.store import kept_weights, open_store, row_records
from app.store.tables import checkpoints
from tests.app.api.conftest import (
    DIVERGING,
    SMALL,
    Trained,
    changed,
    serving,
    settings_of,
    train_into,
)

FLOAT32 = 1e-5
"""Of log10: recorded of a float32 sweep, computed anew in float64."""

RECORDING_PATHS = changed(
    SMALL, recording={"statistics": ["path_gradient", "loss_state_gradient"], "checkpoints": []}
)
COPYING = {**RECORDING_PATHS, "task": {"kind": "copy", "length": 24}}


def at(run: str) -> str:
    return f"/api/v1/runs/{run}/chain"


def number(value: float | str) -> float:
    return float(str(value).replace("Infinity", "inf"))


@pytest.mark.parametrize("config", [RECORDING_PATHS, COPYING], ids=["adding", "copy"])
async def test_every_recorded_step_has_its_terms_as_they_were_recorded(
    config: dict[str, Any], tmp_path: Path
) -> None:
    run = train_into(tmp_path, config)
    async with serving(create_app(settings_of(tmp_path))) as client:
        recorded = (await client.get(f"/api/v1/runs/{run}/statistics/path_gradient")).json()
        coords = recorded["coords"]
        t = coords["loss_time"][-1]
        for row, step in enumerate(coords["step"]):
            for column, parameter in enumerate(coords["parameter"]):
                k = t if parameter.startswith("readout") else 3
                asked = f"step={step}&loss_time={t}&state_time={k}&parameter={parameter}"
                answer = await client.get(f"{at(run)}?{asked}")
                assert answer.status_code == 200, answer.text
                wanted = recorded["data"][row][column][-1][coords["state_time"].index(k)]
                found = number(answer.json()["term"]["log10_norm"])
                assert found == pytest.approx(number(wanted), abs=FLOAT32)
    assert coords["step"] == [0, 2, 4, 6]


async def test_the_answer_says_what_each_factor_is(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    asked = "step=4&loss_time=12&state_time=10&parameter=weight_hh_l1&sample=1"
    answer = (await reader.get(f"{at(trained.succeeded)}?{asked}")).json()
    assert [factor["symbol"] for factor in answer["factors"]] == [
        "∂L_12/∂ŷ_12",
        "∂ŷ_12/∂O_12",
        "∂O_12/∂h_12",
        "∂h_12/∂h_11",
        "∂h_11/∂h_10",
        "∂⁺h_10/∂P",
    ]
    assert all(factor["words"] for factor in answer["factors"])
    assert answer["arriving"]["state_time"] == [12, 11, 10]
    assert (answer["layer"], answer["lag"], answer["samples"]) == (1, 2, 1)
    assert answer["is_product"]
    values = [np.array(factor["value"]) for factor in answer["factors"]]
    product = values[0]
    for value in values[1:]:
        product = np.tensordot(product, value, 1)
    np.testing.assert_allclose(product[0], answer["term"]["value"], rtol=1e-12)


@pytest.mark.parametrize(("layer", "parameter"), [("0", "weight_hh_l0"), ("1", "weight_hh_l1")])
async def test_a_layer_is_taken_by_its_recurrent_weights(
    layer: str, parameter: str, reader: httpx.AsyncClient, trained: Trained
) -> None:
    asked = "step=4&loss_time=12&state_time=10"
    answer = (await reader.get(f"{at(trained.succeeded)}?{asked}&layer={layer}")).json()
    named = (await reader.get(f"{at(trained.succeeded)}?{asked}&parameter={parameter}")).json()
    assert answer == named
    assert (answer["layer"], answer["parameter"]) == (int(layer), parameter)


async def test_it_is_the_engines_own_chain_of_the_checkpoint(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    file = await reader.get(f"/api/v1/runs/{trained.classified}/checkpoints/last")
    tensors = load(file.content)
    weights = {name: value for name, value in tensors.items() if not name.startswith("probe.")}
    chain = engine.trace(
        "elman",
        weights,
        tensors["probe.inputs"],
        targets=tensors["probe.targets"],
        mask=tensors["probe.mask"],
        options={"activation": "tanh"},
    ).chain(12, 2, "weight_hh_l1")
    answer = (await reader.get(at(trained.classified))).json()
    assert (answer["loss_time"], answer["state_time"], answer["step"]) == (12, 2, 6)
    assert answer["parameter"] == "weight_hh_l1"
    found = [factor["log10_norm"] for factor in answer["factors"]]
    assert found == [factor.log10_norm for factor in chain.factors]


async def test_a_run_that_diverged_answers_at_each_of_its_steps(tmp_path: Path) -> None:
    run = train_into(tmp_path, DIVERGING)
    async with serving(create_app(settings_of(tmp_path))) as client:
        steps = (await client.get(f"/api/v1/runs/{run}/statistics/hidden_gradient_norm")).json()
        assert len(steps["coords"]["step"]) > 1
        for step in steps["coords"]["step"]:
            answer = await client.get(at(run), params={"step": step})
            assert answer.status_code == 200, answer.text
            assert answer.json()["factors"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"loss_time": 0}, "loss_time"),
        ({"loss_time": 13}, "loss_time"),
        ({"state_time": 13}, "state_time"),
        ({"loss_time": 4, "state_time": 5}, "state_time"),
        ({"parameter": "W"}, "parameter"),
        ({"layer": "7"}, "layer"),
        ({"layer": "top"}, "layer"),
        ({"parameter": "readout.bias", "state_time": 1}, "state_time"),
        ({"sample": 3}, "sample"),
        ({"step": "newest"}, "step"),
        ({"step": -1}, "step"),
        ({"state_time": "one"}, "state_time"),
    ],
)
async def test_what_is_not_there_is_refused_at_its_parameter(
    query: dict[str, Any], parameter: str, reader: httpx.AsyncClient, trained: Trained
) -> None:
    answer = await reader.get(at(trained.succeeded), params=query)
    assert answer.status_code == 422, answer.text
    assert {fault["parameter"] for fault in answer.json()["errors"]} == {parameter}


async def test_a_step_without_weights_names_those_that_have_some(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    answer = await reader.get(at(trained.succeeded), params={"step": 3})
    assert answer.status_code == 404
    assert "of the steps 0, 2, 4, 6" in answer.json()["detail"]


async def test_a_run_that_has_recorded_nothing_has_no_chain(client: httpx.AsyncClient) -> None:
    made = (await client.post("/api/v1/runs", json=SMALL)).json()["id"]
    assert (await client.get(at(made))).status_code == 404


async def test_a_chain_of_a_given_step_never_changes(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    first = await reader.get(at(trained.succeeded), params={"step": 2})
    again = await reader.get(
        at(trained.succeeded), params={"step": 2}, headers={"If-None-Match": first.headers["etag"]}
    )
    other = await reader.get(at(trained.succeeded), params={"step": 4})
    assert "immutable" in first.headers["cache-control"]
    assert again.status_code == 304
    assert other.headers["etag"] != first.headers["etag"]


def test_large_networks_keep_the_weights_of_every_few_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_weights, "KEPT_BYTES", 3000)  # two frames of some 1,400 bytes
    run = train_into(tmp_path, SMALL)
    store = open_store(settings_of(tmp_path))
    assert store.weights.steps(run) == [0, 4]
    assert store.weights.read(run, 2) is None
    assert store.weights.read(run, 4) is not None
    store.close()


def test_damaged_weights_are_not_read(tmp_path: Path) -> None:
    run = train_into(tmp_path, SMALL)
    store = open_store(settings_of(tmp_path))
    file = (store.folder / "checkpoints" / run) / "1" / row_records.FILE
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    assert store.weights.read(run, 6) is None
    assert store.weights.read(run, 4) is not None
    store.close()


def test_the_probe_is_kept_of_a_run_without_checkpoints(tmp_path: Path) -> None:
    run = train_into(tmp_path, RECORDING_PATHS)
    store = open_store(settings_of(tmp_path))
    with store.database.read() as connection:
        kinds = set(connection.scalars(sa.select(checkpoints.c.kind)))
    assert store.checkpoints.list(run) == []
    assert "probe" in kinds
    assert store.checkpoints.probe(run)["inputs"].shape == (12, 3, 2)
    store.close()
