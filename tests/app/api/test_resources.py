"""Figures, checkpoints, verdict, catalog: what trained runs answer on the other routes."""

import json
from typing import Any

import httpx
import numpy as np
import plotly.io
import pytest
from safetensors.numpy import load

from app.api.figures import EXPORT_POLICY
from app.figures import FIGURES
from engine import RunConfig, apply_patch
from tests.app.api.conftest import Trained

KINDS = ["succeeded", "diverged"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FIGURES)
async def test_every_figure_reads_as_plotly_json(
    reader: httpx.AsyncClient, trained: Trained, name: str, kind: str
) -> None:
    runs = [getattr(trained, kind), trained.succeeded][: FIGURES[name].runs[1]]
    answer = await reader.get(f"/api/v1/figures/{name}", params={"run": runs})
    assert answer.status_code == 200, answer.text
    assert plotly.io.from_json(answer.text).layout is not None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_figure_of_one_run_is_the_same_by_both_addresses(
    reader: httpx.AsyncClient, trained: Trained, kind: str
) -> None:
    run = getattr(trained, kind)
    nested = await reader.get(f"/api/v1/runs/{run}/figures/hidden_gradient_norm")
    flat = await reader.get("/api/v1/figures/hidden_gradient_norm", params={"run": run})
    assert nested.content == flat.content


async def test_a_figure_of_several_runs_draws_them_all(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    runs = [trained.succeeded, trained.diverged]
    answer = await reader.get("/api/v1/figures/activation_comparison", params={"run": runs})
    figure = json.loads(answer.content)
    assert answer.status_code == 200
    assert {"tanh", "relu"} <= {name for name in ("tanh", "relu") if name in json.dumps(figure)}


async def test_a_figure_of_several_runs_may_show_each_at_a_step_of_its_own(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url, runs = "/api/v1/figures/activation_comparison", [trained.succeeded] * 2
    each = await reader.get(url, params={"run": runs, "of_step": [0, 4]})
    one = await reader.get(url, params={"run": runs, "step": 4})
    figure, other = json.loads(each.content), json.loads(one.content)
    assert figure["layout"]["meta"]["steps"] == [0, 4]
    assert other["layout"]["meta"]["steps"] == [4, 4]
    notes, others = (f["layout"]["annotations"] for f in (figure, other))
    assert [note["text"] for note in notes][1] == [note["text"] for note in others][1]


async def test_steps_that_are_not_one_for_each_run_are_refused(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = "/api/v1/figures/activation_comparison"
    answer = await reader.get(url, params={"run": [trained.succeeded], "of_step": [0, 4]})
    assert answer.status_code == 422
    assert "of_step" in answer.text


async def test_a_figure_shows_the_step_that_is_asked_for(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"/api/v1/runs/{trained.succeeded}/figures/hidden_gradient"
    first, last = [(await reader.get(url, params={"step": s})).content for s in ("0", "last")]
    assert first != last


async def test_figures_asked_for_together_are_those_asked_for_one_by_one(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"/api/v1/runs/{trained.succeeded}/figures"
    names = ["hidden_gradient_norm", "decay", "hidden_gradient", "loss", "decay"]
    look = {"step": "4", "layer": "1"}
    together = (await reader.get(url, params={**look, "name": names})).json()
    each = {name: (await reader.get(f"{url}/{name}", params=look)).json() for name in names}
    assert (list(together), together) == (names[:-1], each)


@pytest.mark.parametrize(
    ("run", "query", "status", "words"),
    [
        (None, {}, 422, "name"),
        (None, {"name": ["loss"] * 17}, 422, "name"),
        (None, {"name": ["loss", "mood"]}, 404, "unknown figure 'mood'"),
        (None, {"name": ["loss", "activation_curves"]}, 422, "of 0 runs"),
        ("nobody", {"name": "loss"}, 404, "nobody"),
    ],
    ids=["none", "too many", "unknown", "of no run", "of an unknown run"],
)
async def test_figures_asked_for_together_are_refused_as_one(
    reader: httpx.AsyncClient,
    trained: Trained,
    run: str | None,
    query: dict[str, Any],
    status: int,
    words: str,
) -> None:
    url = f"/api/v1/runs/{run or trained.succeeded}/figures"
    answer = await reader.get(url, params=query)
    assert answer.status_code == status
    assert words in answer.text


async def test_an_exported_figure_is_a_file_in_a_sandbox_without_addresses(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"/api/v1/runs/{trained.diverged}/figures/loss"
    answer = await reader.get(url, params={"format": "html"})
    headers = answer.headers
    found = (headers["content-security-policy"], headers["content-disposition"])
    assert found == (EXPORT_POLICY, 'attachment; filename="loss.html"')
    assert 'src="http' not in answer.text


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"step": "-1"}, "step"),
        ({"step": "9" * 30}, "step"),
        ({"layer": "-1"}, "layer"),
        ({"layer": "9" * 5000}, "layer"),
        ({"mode": "loud"}, "mode"),
        ({"range": "5"}, "range"),
        ({"format": "png"}, "format"),
    ],
    ids=str,
)
async def test_a_bad_figure_option_is_refused_by_name(
    reader: httpx.AsyncClient, trained: Trained, query: dict[str, str], parameter: str
) -> None:
    url = f"/api/v1/runs/{trained.succeeded}/figures/hidden_gradient"
    answer = await reader.get(url, params=query)
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, parameter)


@pytest.mark.parametrize("count", [0, 20])
async def test_a_wrong_number_of_runs_is_refused(
    reader: httpx.AsyncClient, trained: Trained, count: int
) -> None:
    runs = [trained.succeeded] * count
    answer = await reader.get("/api/v1/figures/hidden_gradient", params={"run": runs})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "run")


async def test_a_figure_of_an_unknown_run_is_404(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/v1/figures/loss", params={"run": "nobody"})
    assert answer.status_code == 404


async def test_the_list_of_figures_says_how_to_read_each(reader: httpx.AsyncClient) -> None:
    listed = (await reader.get("/api/v1/figures")).json()
    assert [figure["name"] for figure in listed] == list(FIGURES)
    assert all(figure["how_to_read"] for figure in listed)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_verdict_is_the_runs_own(
    reader: httpx.AsyncClient, trained: Trained, kind: str
) -> None:
    run = getattr(trained, kind)
    verdict = (await reader.get(f"/api/v1/runs/{run}/verdict")).json()
    remedies = verdict.pop("remedies")
    assert verdict == (await reader.get(f"/api/v1/runs/{run}")).json()["verdict"]
    assert verdict["word"]
    assert bool(remedies) == (verdict["kinds"] != ["healthy"])


async def test_remedies_of_a_diverged_run_are_configurations_and_patches(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    run = (await reader.get(f"/api/v1/runs/{trained.diverged}")).json()
    remedies = (await reader.get(f"/api/v1/runs/{trained.diverged}/verdict")).json()["remedies"]
    for remedy in remedies:
        assert set(remedy) == {"title", "why", "patch", "config", "tried"}
        assert apply_patch(run["config"], remedy["patch"]).keys() <= remedy["config"].keys()
        assert RunConfig.from_dict(remedy["config"]).to_dict() == remedy["config"]
    assert "clipping by norm" in [remedy["title"] for remedy in remedies]


async def test_a_diverged_run_says_its_loss_and_status(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    run = (await reader.get(f"/api/v1/runs/{trained.diverged}")).json()
    listed = (await reader.get("/api/v1/runs", params={"status": "diverged"})).json()["items"]
    assert (run["status"], [item["id"] for item in listed]) == ("diverged", [trained.diverged])
    assert run["final_loss"] in {"NaN", "Infinity"}


@pytest.mark.parametrize("kind", KINDS)
async def test_checkpoints_are_listed_with_what_they_weigh(
    reader: httpx.AsyncClient, trained: Trained, kind: str
) -> None:
    url = f"/api/v1/runs/{getattr(trained, kind)}/checkpoints"
    listed = (await reader.get(url)).json()
    weights = [len((await reader.get(f"{url}/{one['step']}")).content) for one in listed]
    assert [one["bytes"] for one in listed] == weights
    assert listed[0]["step"] == 0


@pytest.mark.parametrize(
    ("parts", "prefixes"),
    [
        (["recurrent"], ["bias", "weight"]),
        (["readout"], ["readout"]),
        (["probe"], ["probe"]),
        (["readout", "probe"], ["probe", "readout"]),
        ([], ["bias", "probe", "readout", "weight"]),
    ],
    ids=str,
)
async def test_a_checkpoint_comes_in_parts(
    reader: httpx.AsyncClient, trained: Trained, parts: list[str], prefixes: list[str]
) -> None:
    url = f"/api/v1/runs/{trained.succeeded}/checkpoints/6"
    tensors = load((await reader.get(url, params={"part": parts})).content)
    assert sorted({name.replace("_", ".").split(".")[0] for name in tensors}) == prefixes


async def test_the_probe_has_the_documented_shapes(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"/api/v1/runs/{trained.succeeded}/checkpoints/0?part=probe"
    probe = load((await reader.get(url)).content)
    found = [probe[f"probe.{name}"].shape for name in ("inputs", "targets", "mask")]
    assert found == [(12, 3, 2), (12, 3, 1), (12, 3)]


async def test_weights_differ_between_first_and_last(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    url = f"/api/v1/runs/{trained.succeeded}/checkpoints"
    first, last = [load((await reader.get(f"{url}/{step}")).content) for step in (0, 6)]
    assert not np.array_equal(first["weight_hh_l0"], last["weight_hh_l0"])
    named = [(await reader.get(f"{url}/{place}")).content for place in ("first", "last")]
    assert named == [(await reader.get(f"{url}/{step}")).content for step in (0, 6)]


@pytest.mark.parametrize(
    ("path", "status"),
    [("3", 404), ("-1", 422), ("middle", 422), ("9" * 30, 422), ("6?part=everything", 422)],
)
async def test_a_checkpoint_that_is_not_there_is_refused(
    reader: httpx.AsyncClient, trained: Trained, path: str, status: int
) -> None:
    answer = await reader.get(f"/api/v1/runs/{trained.succeeded}/checkpoints/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )


async def test_the_catalog_has_every_registry_and_is_cached(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/v1/catalog")
    kinds = {"tasks", "cells", "activations", "initializers", "optimizers", "schedules",
             "clippings", "statistics", "figures", "config"}  # fmt: skip
    again = await reader.get("/api/v1/catalog", headers={"If-None-Match": answer.headers["etag"]})
    assert kinds <= set(answer.json())
    assert again.status_code == 304
