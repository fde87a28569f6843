"""Single sweeps and estimates over REST: the engine's own numbers, and refusals at their place."""

import re
from typing import Any

import httpx
import numpy as np
import pytest

import engine
from app.api.examples import EXAMPLES
from app.main import create_app
from app.settings import Settings
from tests.app.api.conftest import SMALL, changed, serving

TRACES = "/api/v1/traces"
ASKED: dict[str, Any] = EXAMPLES["TraceRequest"]


async def test_a_trace_is_the_engines_own(client: httpx.AsyncClient) -> None:
    body = {**ASKED, "statistics": ["hidden_gradient_norm"]}
    answer = await client.post(TRACES, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    given = {name: ASKED[name] for name in ("parameters", "targets", "loss", "options")}
    trace = engine.trace(ASKED["cell"], inputs=ASKED["inputs"], **given)
    assert found["loss"] == trace.loss
    assert np.array(found["hidden"]).tolist() == trace.hidden.tolist()
    for name, gradient in trace.parameter_gradients.items():
        assert found["parameter_gradients"][name] == gradient.tolist()
        terms = np.array(found["path_terms"][name])
        assert terms.tolist() == trace.path_terms(name).tolist()
        np.testing.assert_allclose(terms.sum(axis=(0, 1)), gradient, rtol=1e-12, atol=1e-15)
    gradients = found["loss_state_gradients"][0]
    assert [[row is None for row in rows] for rows in gradients] == [
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]
    norms = trace.statistic("hidden_gradient_norm").tolist()
    assert found["statistics"] == {"hidden_gradient_norm": norms}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"cell": "grru"}, ""),
        ({"cell": 3}, "/cell"),
        ({"inputs": [[["1"]]]}, "/inputs"),
        ({"inputs": None}, "/inputs"),
        ({"cell": None}, "/cell"),
        ({"parameters": None}, "/parameters"),
        ({"inputs": [[[1.0]], [[1.0], [2.0]]]}, "/inputs"),
        ({"parameters": []}, "/parameters"),
        ({"parameters": {"weight_ih_l0": None}}, "/parameters/weight_ih_l0"),
        ({"loss": "hinge"}, "/loss"),
        ({"reduction": ["mean"]}, "/reduction"),
        ({"truncation": True}, "/truncation"),
        ({"options": []}, "/options"),
        ({"options": {"activation": "gelu"}}, None),
        ({"statistics": "loss"}, "/statistics"),
        ({"statistics": ["no such"]}, ""),
        ({"path_terms": ["no such"]}, ""),
        ({"more": 1}, "/more"),
    ],
)
async def test_a_wrong_trace_is_refused_at_its_pointer(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str | None
) -> None:
    answer = await client.post(TRACES, json={**ASKED, **change})
    assert answer.status_code == 422, answer.text
    found = [error.get("pointer") for error in answer.json()["errors"]]
    assert pointer is None or found == [pointer]


async def test_wrong_shapes_are_refused_with_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.post(TRACES, json={**ASKED, "targets": [[[0.0]]]})
    found = (answer.status_code, answer.json()["type"])
    assert found == (422, "/problems/invalid-shape")
    assert "expected shape (3, 1, 1)" in answer.json()["detail"]


async def test_a_sweep_too_large_is_refused_with_both_numbers(client: httpx.AsyncClient) -> None:
    body = {**ASKED, "inputs": [[[0.0]]] * 60_000, "targets": None}
    answer = await client.post(TRACES, json=body)
    assert (answer.status_code, "120000" in answer.text, "100000" in answer.text) == (
        422,
        True,
        True,
    )


async def test_an_estimate_says_what_a_run_needs_and_stores_nothing(
    client: httpx.AsyncClient,
) -> None:
    wider = changed(SMALL, model={"hidden_size": 50})
    small, large = [
        (await client.post("/api/v1/runs/estimate", json=config)).json()
        for config in (SMALL, wider)
    ]
    needed = engine.estimate(engine.RunConfig.from_dict(SMALL))
    assert small == {
        "memory": needed.memory,
        "stored": needed.stored + needed.frames * needed.weights,
        "work": needed.work,
        "frames": needed.frames,
    }
    assert all(large[name] > small[name] for name in ("memory", "stored", "work"))
    assert (await client.get("/api/v1/runs")).json()["items"] == []


async def test_a_run_that_needs_too_much_memory_is_refused_with_both_numbers(
    settings: Settings,
) -> None:
    small = settings.model_copy(update={"max_run_bytes": 10_000})
    async with serving(create_app(small)) as client:
        answer = await client.post("/api/v1/runs", json=SMALL)
        stored = (await client.get("/api/v1/runs")).json()["items"]
    needed = engine.estimate(engine.RunConfig.from_dict(SMALL)).memory
    told = re.search(r"needs about (\d+) kB of memory, one may take 10 kB", answer.text)
    assert (answer.status_code, stored) == (422, [])
    assert told is not None
    assert int(told[1]) == round(needed / 1000)
