"""The remedy lab starts trials, finds them again, and ranks them by what they came to."""

from html import unescape
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from app.main import create_app
from app.pages.remedies import (
    NOTHING_TICKED,
    TRIED_ALREADY,
    UNCHANGED_STOPPED,
    changes_of,
    conclusion_of,
)
from app.runs.controls import controlled
from app.runs.service import described
from app.runs.tags import trial_tag
from app.runs.training import train_run
from app.runs.trials import OTHER_WEIGHTS, UNCHANGED, Tried, offers_of
from app.settings import Settings
from app.store import open_store
from app.uploads import Wanted, keep_model
from tests.app.api.conftest import SMALL, changed, serving, settings_of, train_into
from tests.app.pages.test_run_page_contexts import run_of

SIGMOID = changed(SMALL, model={"activation": "sigmoid", "layers": 1}, task={"length": 40})
CHOSEN = ["LSTM", "orthogonal weights"]


@pytest.mark.parametrize(
    ("patch", "texts"),
    [
        ({"name": "x", "model": {"cell": "lstm"}}, ["model.cell: lstm"]),
        ({"training": {"truncation": None}}, ["training.truncation: none"]),
        ({}, []),
    ],
)
def test_changes_are_told_without_the_name(patch: dict[str, Any], texts: list[str]) -> None:
    assert changes_of(patch) == texts


def tried(title: str, loss: float | None) -> Tried:
    return Tried(title=title, runs=(), loss=loss)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ((0.2, 0.05, 0.1), "A helped most: the loss ends at 0.05 instead of 0.2."),
        ((0.1, 0.2, float("inf")), "None of what was tried"),
        ((0.1, None, None), ""),
        ((None, 0.1, 0.2), ""),
    ],
)
def test_the_conclusion_names_what_helped(losses: tuple[float | None, ...], words: str) -> None:
    unchanged, first, second = losses
    found = conclusion_of((tried(UNCHANGED, unchanged), tried("a", first), tried("b", second)))
    assert found.startswith(words)
    assert bool(found) == bool(words)


def test_the_conclusion_is_of_so_far_as_long_as_a_better_one_still_trains() -> None:
    runs = (run_of(status="succeeded"), run_of(status="running"))
    better = Tried(title="b", runs=runs, loss=0.01)
    found = conclusion_of((tried(UNCHANGED, 0.2), better, tried("a", 0.05)))
    assert found == (
        "A helped most: the loss ends at 0.05 instead of 0.2. So far: not every run is over."
    )


def test_without_an_end_of_the_unchanged_network_nothing_is_compared() -> None:
    stopped = Tried(title=UNCHANGED, runs=(run_of(status="cancelled"),), loss=None)
    assert conclusion_of((stopped, tried("a", 0.05))) == UNCHANGED_STOPPED


async def test_a_trial_that_was_stopped_is_no_result(tmp_path: Path) -> None:
    run, settings = train_into(tmp_path, SIGMOID), settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        await client.post(f"/runs/{run}/remedies", data={"remedy": CHOSEN, "seeds": "1"})
        waiting = (await client.get("/api/v1/runs", params={"tag": trial_tag(run)})).json()["items"]
        stopped = next(each for each in waiting if CHOSEN[0] in each["tags"])
        await client.post(f"/api/v1/runs/{stopped['id']}/cancel")
        assert train_what_waits(settings) == len(CHOSEN) - 1
        told = (await client.get(f"/api/v1/runs/{run}/verdict")).json()["remedies"]
        page = await lab_of(client, run)
        its_own = await lab_of(client, stopped["id"])
    assert "The run ended before its first frame." in its_own
    losses = {each["title"]: (each["tried"] or {}).get("final_loss") for each in told}
    assert losses[CHOSEN[0]] is None
    assert losses[CHOSEN[1]] is not None
    assert f"{CHOSEN[0]} helped most" not in page
    assert f'value="{CHOSEN[1]}"> <strong>Orthogonal weights</strong>' in page
    assert '<th scope="row">Orthogonal weights' in page


def train_what_waits(settings: Settings) -> int:
    """Train every queued run, as workers would; return how many there were."""
    store = open_store(settings)
    waiting, _ = store.runs.page(status="queued", limit=200)
    for run in waiting:
        claim = store.attempts.claim(run.id, "a test")
        assert claim is not None
        with controlled(store, claim) as control:
            train_run(store, claim, control, checkpoint_seconds=settings.checkpoint_seconds)
    store.close()
    return len(waiting)


@pytest.mark.parametrize("of_own", [False, True], ids=["a remedy", "the unchanged network"])
async def test_what_was_stopped_is_tried_again_and_the_newer_run_counts(
    tmp_path: Path, of_own: bool
) -> None:
    run, settings = train_into(tmp_path, SIGMOID), settings_of(tmp_path)
    title = UNCHANGED if of_own else CHOSEN[0]
    tags = {"tag": trial_tag(run)}
    # The unchanged network is a trial only with a further seed; its first is the run itself.
    asked = {"remedy": CHOSEN[0], "seeds": "2" if of_own else "1"}
    async with serving(create_app(settings)) as client:
        await client.post(f"/runs/{run}/remedies", data=asked)
        waiting = (await client.get("/api/v1/runs", params=tags)).json()["items"]
        stopped = next(each["id"] for each in waiting if title in each["tags"])
        await client.post(f"/api/v1/runs/{stopped}/cancel")
        assert (await client.post(f"/runs/{run}/remedies", data=asked)).status_code == 303
        again = (await client.get("/api/v1/runs", params=tags)).json()["items"]
        (newer,) = {each["id"] for each in again} - {each["id"] for each in waiting}
        train_what_waits(settings)
        assert (await client.post(f"/runs/{run}/remedies", data=asked)).status_code == 422
        page = await lab_of(client, run)
    assert f'href="/runs/{newer}"' in page
    assert stopped not in page


async def lab_of(client: httpx.AsyncClient, run: str) -> str:
    return unescape((await client.get(f"/runs/{run}/remedies")).text)


async def test_remedies_are_tried_over_seeds_and_ranked_beside_the_unchanged_network(
    tmp_path: Path,
) -> None:
    run, settings = train_into(tmp_path, SIGMOID), settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        before = await lab_of(client, run)
        assert "Vanishing" in before
        assert "What was tried" not in before
        answer = await client.post(f"/runs/{run}/remedies", data={"remedy": CHOSEN, "seeds": "2"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run}/remedies")
        # Two remedies with two seeds, and the unchanged network with the further one.
        assert train_what_waits(settings) == 2 * len(CHOSEN) + 1
        found = (await client.get("/api/v1/runs", params={"tag": trial_tag(run)})).json()["items"]
        after = await lab_of(client, run)
        page = unescape((await client.get(f"/runs/{run}")).text)
        told = (await client.get(f"/api/v1/runs/{run}/verdict")).json()["remedies"]
    assert "What was tried" in after
    assert f">seed {SIGMOID.get('seed', 0)}</a>" in after
    said = after.split("data-conclusion>")[1].split("</p>")[0]
    assert said in page.split("data-helped>")[1].split("</p>")[0], "the run's page says it too"
    assert 'value="LSTM" checked' not in after, "what was tried needs no second tick"
    assert all(trial["status"] == "succeeded" for trial in found)
    for remedy in told:
        trials = [trial for trial in found if remedy["title"] in trial["tags"]]
        if remedy["title"] not in CHOSEN:
            assert remedy["tried"] is None
            continue
        assert {trial["id"] for trial in trials} == set(remedy["tried"]["runs"])
        losses = [trial["final_loss"] for trial in trials]
        assert remedy["tried"]["final_loss"] == pytest.approx(sum(losses) / len(losses))
        for trial in trials:
            same = ("name", "seed", "tags")
            assert {k: v for k, v in trial["config"].items() if k not in same} == {
                k: v for k, v in remedy["config"].items() if k not in same
            }


async def test_what_was_tried_is_not_tried_again(tmp_path: Path) -> None:
    run, settings = train_into(tmp_path, SIGMOID), settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        for _ in range(2):
            await client.post(f"/runs/{run}/remedies", data={"remedy": CHOSEN, "seeds": "1"})
        assert train_what_waits(settings) == len(CHOSEN)


async def test_trials_that_the_queue_has_no_room_for_are_not_started_in_part(
    tmp_path: Path,
) -> None:
    run = train_into(tmp_path, SIGMOID)
    async with serving(create_app(settings_of(tmp_path, max_queue=1))) as client:
        form = {"remedy": CHOSEN, "seeds": "2"}
        answer = await client.post(f"/runs/{run}/remedies", data=form)
        assert answer.status_code == 429
        assert len((await client.get("/api/v1/runs")).json()["items"]) == 1


async def test_a_trial_that_is_not_over_has_its_step_and_its_loss_in_the_table(
    tmp_path: Path,
) -> None:
    run, settings = train_into(tmp_path, SIGMOID), settings_of(tmp_path)
    steps = f"/ {SIGMOID['training']['steps']} steps<br>"
    async with serving(create_app(settings)) as client:
        await client.post(f"/runs/{run}/remedies", data={"remedy": CHOSEN, "seeds": "1"})
        waiting = await lab_of(client, run)
        train_what_waits(settings)
        over = await lab_of(client, run)
    assert waiting.count(steps) == len(CHOSEN)
    assert "loss so far" not in over


@pytest.mark.parametrize(
    ("posts", "words"),
    [
        ([{"seeds": "3"}], NOTHING_TICKED),
        ([{"remedy": CHOSEN, "seeds": "1"}] * 2, TRIED_ALREADY),
    ],
)
async def test_what_starts_nothing_says_why(
    tmp_path: Path, posts: list[dict[str, Any]], words: str
) -> None:
    run, settings = train_into(tmp_path, SIGMOID), settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        for form in posts:
            answer = await client.post(f"/runs/{run}/remedies", data=form)
    assert answer.status_code == 422
    assert words in unescape(answer.text)


async def test_a_run_that_does_not_train_says_why_nothing_is_offered(tmp_path: Path) -> None:
    still = changed(SIGMOID, training={"steps": 0})
    run, settings = train_into(tmp_path, still), settings_of(tmp_path)
    async with serving(create_app(settings)) as client:
        page = await lab_of(client, run)
        figure = (await client.get(f"/api/v1/runs/{run}/figures/gradient_norm")).text
    assert "This run does not train" in page
    assert 'name="remedy"' not in page
    assert "No training steps" in figure


async def test_remedies_of_an_uploaded_model_keep_its_weights_or_are_not_offered(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path)
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (4, 2), "weight_hh_l0": (4, 4), "fc.weight": (1, 4)}
    weights = {name: 0.1 * rng.standard_normal(shape) for name, shape in shapes.items()}
    (tmp_path / "w").write_bytes(save({key: w.astype(np.float32) for key, w in weights.items()}))
    store = open_store(settings)
    model = keep_model(store, tmp_path / "w", wanted=Wanted(), hints=("w",), most_bytes=10_000)
    told = {**model.description["model"], "from_model": model.id}
    run, _ = store.runs.create(*described({**SIGMOID, "model": told}, store))
    store.close()
    assert train_what_waits(settings) == 1
    store = open_store(settings)
    found = store.runs.get(run.id)
    offers, withheld = offers_of(found)
    store.close()
    assert found.verdict is not None
    assert "vanishing" in found.verdict["kinds"]
    assert withheld == OTHER_WEIGHTS
    assert all(each.config["model"]["from_model"] == model.id for each in offers)  # type: ignore[index]  # an object
