"""Captures over REST: frames of a training loop elsewhere become a run like any other."""

import asyncio
import io
import json
import math
import pickle
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import engine
from app.frame_bytes import MEDIA_TYPE, pack, unpack
from app.main import create_app
from app.runs.captures import Captures
from app.store import Store, open_store
from tests.app.api.conftest import SMALL, serving, settings_of
from tests.engine.watching.takes import LENGTH, SIZE, config_for, take

CAPTURES = "/api/v1/captures"
CONFIG: dict[str, Any] = {**config_for().to_dict(), "name": "watched"}
BYTES = {"content-type": MEDIA_TYPE}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(settings_of(tmp_path))) as client:
        yield client


async def created(client: httpx.AsyncClient, config: dict[str, Any] = CONFIG) -> str:
    answer = await client.post(CAPTURES, json=config)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def sent(client: httpx.AsyncClient, run: str, taken: engine.Taken) -> httpx.Response:
    path = f"{CAPTURES}/{run}/frames"
    return await client.post(path, content=pack(taken), headers=BYTES)


async def read(client: httpx.AsyncClient, run: str, name: str) -> np.ndarray[Any, Any]:
    path = f"/api/v1/runs/{run}/statistics/{name}"
    answer = await client.get(path, params={"format": "npy"})
    assert answer.status_code == 200, answer.text
    return np.asarray(np.load(io.BytesIO(answer.content)))


def steps_of(rng: np.random.Generator, *steps: int) -> list[engine.Taken]:
    return [
        take(rng, step=step, losses=np.full(min(step + 1, 50), 2.0 - step / 100)) for step in steps
    ]


async def test_frames_become_the_statistics_of_a_running_run(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = await created(client)
    assert (await client.get(f"/api/v1/runs/{run}")).json()["status"] == "running"
    taken = steps_of(rng, 0, 50, 100)
    for each in taken:
        answer = await sent(client, run, each)
        assert answer.status_code == 201, answer.text
        assert answer.json()["step"] == each.step
    norms = await read(client, run, "hidden_gradient_norm")
    expected = [engine.frame_of(config_for(), t).arrays["hidden_gradient_norm"] for t in taken]
    np.testing.assert_array_equal(norms, expected)  # float64, bit for bit
    record = (await client.get(f"/api/v1/runs/{run}")).json()
    assert record["progress"]["step"] == record["progress"]["steps"] == 100
    assert record["verdict"]["step"] == 100
    assert record["loss"] == pytest.approx((50 * 1.5 + 50 * 1.0) / 100)


async def test_a_frame_sent_twice_is_there_once(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = await created(client)
    first, second = steps_of(rng, 0, 50)
    assert (await sent(client, run, first)).status_code == 201
    both = await asyncio.gather(sent(client, run, second), sent(client, run, second))
    assert sorted(answer.status_code for answer in both) == [200, 201]
    assert (await read(client, run, "gain_factors")).shape[0] == 2
    earlier = await sent(client, run, take(rng, step=20))
    assert earlier.status_code == 422
    assert earlier.json()["errors"][0]["pointer"] == "/step"


async def test_a_key_makes_one_capture(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    first = await client.post(CAPTURES, json=CONFIG, headers=key)
    again = await client.post(CAPTURES, json=CONFIG, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


async def test_a_server_that_comes_back_goes_on_where_it_was(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    taken = steps_of(rng, *range(0, 3500, 50))
    async with serving(create_app(settings_of(tmp_path))) as before:
        run = await created(before)
        for each in taken[:66]:  # more than a chunk: some is in the arrays, some in the database
            assert (await sent(before, run, each)).status_code == 201
    async with serving(create_app(settings_of(tmp_path))) as after:
        assert (await after.get(f"/api/v1/runs/{run}")).json()["status"] == "running"
        assert (await sent(after, run, taken[65])).status_code == 200
        for each in taken[66:]:
            assert (await sent(after, run, each)).status_code == 201
        ended = await after.post(f"{CAPTURES}/{run}/finish", json={})
        assert (ended.status_code, ended.json()["status"]) == (202, "succeeded")
        norms = await read(after, run, "hidden_gradient_norm")
        config = config_for()
        for row in (0, 63, 64, 65, 66, 69):
            expected = engine.frame_of(config, taken[row]).arrays["hidden_gradient_norm"]
            np.testing.assert_array_equal(norms[row], expected)
        losses = await read(after, run, "loss")
        assert len(losses) == 3451
        assert not np.isnan(losses).any()


async def test_a_finished_run_is_finished(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = await created(client)
    await sent(client, run, take(rng, step=0))
    body = {"status": "failed", "error": "ValueError: labels out of range"}
    for _ in range(2):
        ended = await client.post(f"{CAPTURES}/{run}/finish", json=body)
        assert ended.status_code == 202
        assert ended.json()["status"] == "failed"
        assert ended.json()["error"] == body["error"]
    assert (await sent(client, run, take(rng, step=50))).status_code == 409
    assert (await sent(client, run, take(rng, step=0))).status_code == 200
    other = await client.post(f"{CAPTURES}/{run}/finish", json={"status": "cancelled"})
    assert other.status_code == 409
    assert (await client.delete(f"/api/v1/runs/{run}")).status_code == 204
    assert (await sent(client, run, take(rng, step=50))).status_code == 404


async def test_a_loss_that_is_lost_ends_a_run_as_diverged(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = await created(client)
    await sent(client, run, take(rng, step=1, losses=np.array([1.0, math.inf])))
    ended = (await client.post(f"{CAPTURES}/{run}/finish", json={})).json()
    assert ended["status"] == "diverged"
    assert ended["verdict"]["kinds"][0] == "diverged"


async def test_a_captured_run_can_be_cancelled_and_nothing_else(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = await created(client)
    await sent(client, run, take(rng, step=0))
    for verb in ("pause", "resume", "retry"):
        assert (await client.post(f"/api/v1/runs/{run}/{verb}")).status_code == 409
    assert (await client.delete(f"/api/v1/runs/{run}")).status_code == 409
    for _ in range(2):
        answer = await client.post(f"/api/v1/runs/{run}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    extended = await client.post(f"/api/v1/runs/{run}/extend", json={"steps": 10})
    assert extended.status_code == 409
    assert (await read(client, run, "gain_factors")).shape[0] == 1


async def test_a_run_that_trains_here_takes_no_frames(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = (await client.post("/api/v1/runs", json=SMALL)).json()["id"]
    refused = await sent(client, run, take(rng))
    assert refused.status_code == 409
    assert "trained here" in refused.json()["detail"]
    assert (await client.post("/api/v1/runs", json=CONFIG)).status_code == 422
    assert (await client.post(CAPTURES, json=SMALL)).status_code == 422


async def test_pages_and_figures_show_it(
    client: httpx.AsyncClient, rng: np.random.Generator
) -> None:
    run = await created(client)
    for path in ("", "/remedies"):
        page = await client.get(f"/runs/{run}{path}")
        assert page.status_code == 200, page.text
    for each in steps_of(rng, 0, 50):
        await sent(client, run, each)
    figures = (await client.get("/api/v1/figures")).json()
    for figure in figures:
        if figure["runs"][0] <= 1 <= figure["runs"][1]:
            answer = await client.get(f"/api/v1/runs/{run}/figures/{figure['name']}")
            assert answer.status_code == 200, (figure["name"], answer.text)
    for path in ("/", f"/runs/{run}", f"/runs/{run}/remedies", f"/compare?run={run}"):
        assert (await client.get(path)).status_code == 200
    verdict = await client.get(f"/api/v1/runs/{run}/verdict")
    assert verdict.status_code == 200
    assert (await client.get(f"/api/v1/runs/{run}/export?format=npz")).status_code == 200
    described = await client.patch(f"/api/v1/runs/{run}", json={"name": "mine"})
    assert described.json()["name"] == "mine"


def rewritten(change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a frame whose header was changed, its tensors left as they are."""
    body = pack(take(np.random.default_rng(1)))
    length = struct.unpack("<Q", body[:8])[0]
    header = json.loads(body[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body[8 + length :]


def told(**metadata: str) -> bytes:
    return rewritten(lambda header: header["__metadata__"].update(metadata))


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "text": b"not a tensor",
    "a truncated file": pack(take(np.random.default_rng(1)))[:-9],
    "bytes left over": pack(take(np.random.default_rng(1))) + b"more",
    "a header of 400 GB": struct.pack("<Q", 400 * 2**30) + b"{}",
    "a pickle": pickle.dumps({"inputs": [1, 2, 3]}),
    "a zip": b"PK\x03\x04" + bytes(100),
    "a tensor beyond the end": rewritten(lambda h: h["inputs"].update(data_offsets=[0, 2**40])),
    "a shape that does not fit": rewritten(lambda h: h["inputs"].update(shape=[2**31, 2**31, 3])),
    "no step": rewritten(lambda h: h["__metadata__"].pop("step")),
    "a negative step": told(step="-1"),
    "a step of a million digits": told(step="9" * 1_000_000),
    "another reduction": told(reduction="median"),
    "a batch of none": told(batch_size="0"),
    "an unknown key": told(learning_rate="0.1"),
    "an unknown tensor": rewritten(lambda h: h.update(extra=h.pop("inputs"))),
    "whole numbers for weights": rewritten(lambda h: h["weights.weight_hh_l0"].update(dtype="I64")),
    "a batch smaller than its sequences": told(batch_size=str(SIZE - 1)),
    "the weights of another cell": pack(take(np.random.default_rng(1), "gru")),
    "longer sequences": pack(
        take(np.random.default_rng(1), inputs=np.zeros((LENGTH + 1, SIZE, 3)))
    ),
    "no gradient": pack(take(np.random.default_rng(1), output_gradients=None, final_gradients={})),
}


@dataclass(frozen=True)
class Held:
    store: Store
    captures: Captures
    run: str


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """A captured run without a server in front."""
    store = open_store(settings_of(tmp_path_factory.mktemp("captures")))
    captures = Captures(store)
    yield Held(store, captures, captures.create(CONFIG)[0].id)
    store.close()


@pytest.mark.parametrize("name", list(MALFORMED))
def test_a_malformed_frame_is_refused_and_changes_nothing(held: Held, name: str) -> None:
    before = held.store.runs.get(held.run)
    with pytest.raises(engine.EngineError) as refused:
        held.captures.add(held.run, unpack(MALFORMED[name]))
    assert str(refused.value)
    assert held.store.runs.get(held.run) == before
    assert held.store.arrays.frame_steps(held.run) == []


@pytest.mark.parametrize("name", ["a pickle", "a negative step", "longer sequences"])
async def test_a_malformed_frame_is_answered_with_what_is_wrong(
    client: httpx.AsyncClient, name: str
) -> None:
    run = await created(client)
    path = f"{CAPTURES}/{run}/frames"
    answer = await client.post(path, content=MALFORMED[name], headers=BYTES)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_frame_comes_as_bytes_and_not_above_the_limit(tmp_path: Path) -> None:
    body = pack(take(np.random.default_rng(1)))
    settings = settings_of(tmp_path, max_frame_bytes=len(body) - 1, max_body_bytes=2048)
    async with serving(create_app(settings)) as client:
        run = await created(client)
        path = f"{CAPTURES}/{run}/frames"
        assert (await client.post(path, json={})).status_code == 415
        assert (await client.post(path, content=body, headers=BYTES)).status_code == 413


async def test_a_capture_can_be_wrong_in_every_field(client: httpx.AsyncClient) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "/model/bidirectional": {**CONFIG, "model": {**CONFIG["model"], "bidirectional": 3}},
        "/task/inputs": {**CONFIG, "task": {**CONFIG["task"], "inputs": -1}},
        "/model/cell": {**CONFIG, "model": {**CONFIG["model"], "cell": "mgu"}},
        "/nothing": {**CONFIG, "nothing": 1},
    }
    for pointer, body in wrong.items():
        answer = await client.post(CAPTURES, json=body)
        assert answer.status_code == 422
        assert pointer in [each["pointer"] for each in answer.json()["errors"]]
    run = await created(client)
    ends: list[dict[str, Any]] = [{"status": "queued"}, {"error": 3}, {"else": 1}]
    for end in ends:
        answer = await client.post(f"{CAPTURES}/{run}/finish", json=end)
        assert answer.status_code == 422


def test_what_is_packed_is_what_is_unpacked(rng: np.random.Generator) -> None:
    taken = take(rng, lengths=np.array([7, 3, 5, 3]), batch_size=9, losses=np.array([1.0, np.nan]))
    again = unpack(pack(taken))
    assert (again.step, again.reduction, again.batch_size) == (3, "mean", 9)
    np.testing.assert_array_equal(again.losses, taken.losses)
    np.testing.assert_array_equal(again.sequence_lengths(), [7, 3, 5, 3])
    for mine, theirs in (
        (taken.weights, again.weights),
        (taken.initial, again.initial),
        (taken.final_gradients, again.final_gradients),
    ):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            np.testing.assert_array_equal(theirs[name], value)


def test_sixteen_bits_are_read_as_what_they_stand_for() -> None:
    upper = (np.array([1.5], "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    tensor = {"dtype": "BF16", "shape": [1, 1, 1], "data_offsets": [0, 2]}
    header = json.dumps({"inputs": tensor, "__metadata__": {"step": "0"}}).encode()
    body = struct.pack("<Q", len(header)) + header + upper
    assert unpack(body).inputs.tolist() == [[[1.5]]]
