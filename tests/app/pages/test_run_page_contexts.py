"""What the run page and the comparison say of a run, state by state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import engine
from app.pages import build_templates
from app.pages.base import context_names
from app.pages.compare import differences
from app.pages.run import page_of
from app.store import Run

STATUSES = (
    "queued",
    "running",
    "succeeded",
    "diverged",
    "failed",
    "cancelled",
    "paused",
    "interrupted",
)


def run_of(**changes: Any) -> Run:  # noqa: ANN401  # fields of a run
    """A run as the store hands it out."""
    config = engine.RunConfig.from_dict(
        {"task": {"kind": "adding", "length": 20}, "model": {"cell": "elman"}}
    ).to_dict()
    fields: dict[str, Any] = {
        "id": "0f5b6cbe-6f0a-4f43-a8a5-1d3c5d9d1c11",
        "number": 1,
        "name": "a run",
        "status": "running",
        "config": config,
        "facts": {},
        "tags": (),
        "notes": "",
        "versions": {},
        "step": 7,
        "steps": 1000,
        "eta_seconds": None,
        "loss": 0.2,
        "final_loss": None,
        "error": None,
        "verdict": None,
        "sparkline": None,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "started_at": None,
        "finished_at": None,
        "attempt": 1,
        "requested": None,
        "queued_by": None,
        "recorded_rows": 0,
        "recorded_series": 0,
    }
    return Run(**{**fields, **changes})


def html_of(run: Run) -> str:
    """The page as the template makes it."""
    context = page_of(run)
    values = {name: getattr(context, name) for name in context_names(context)}
    return build_templates().env.get_template("run.html").render(values)


@pytest.mark.parametrize("status", STATUSES)
def test_every_state_has_its_page_and_its_word(status: str) -> None:
    assert f"status--{status}" in html_of(run_of(status=status))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "waiting for a free worker"),
        ("interrupted", "the worker was lost; goes on from the last checkpoint"),
        ("cancelled", "what was recorded stays readable"),
        ("succeeded", "took 1:05"),
        ("failed", "took 1:05"),
    ],
)
def test_a_state_says_more_than_its_word(status: str, words: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ends = {"started_at": start, "finished_at": start + timedelta(seconds=65)}
    over = ends if status in ("succeeded", "failed") else {}
    assert f"<span data-pace>{words}</span>" in html_of(run_of(status=status, **over))


def test_the_rail_leaves_out_what_is_as_usual_and_says_what_decides() -> None:
    config = engine.RunConfig.from_dict(
        {
            "task": {"kind": "adding", "length": 20},
            "model": {"cell": "elman"},
            "training": {"optimizer": {"kind": "adam", "beta2": 0.9}, "clipping": {"kind": "norm"}},
            "recording": {"every": 1},
        }
    ).to_dict()
    facts = {
        fact.label: fact.value
        for _, group in page_of(run_of(config=config)).sections
        for fact in group
    }
    assert facts["Optimizer"] == "adam, learning rate 0.001, beta2 0.9"
    assert facts["Clipping"] == "norm, threshold 1"
    assert facts["Every"] == "step"


def test_only_a_run_that_goes_on_is_promised_a_verdict() -> None:
    assert "Not yet known" in html_of(run_of(status="running"))
    assert "No verdict" in html_of(run_of(status="failed", error="x"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "The first frame brings the verdict."),
        ("running", "The first frame brings the verdict."),
        ("paused", "The first frame brings the verdict, once the run goes on."),
        ("interrupted", "The first frame brings the verdict."),
        ("failed", "The run ended before its first frame."),
        ("cancelled", "The run ended before its first frame."),
    ],
)
def test_a_run_without_a_verdict_says_what_brings_it(status: str, words: str) -> None:
    run = run_of(status=status)
    assert f'<p class="run-sentence" data-verdict-sentence>{words}</p>' in html_of(run)
    assert page_of(run).data["no_verdict"][status] == words


def test_a_verdict_writes_its_powers_of_ten_as_the_numbers_beside_it() -> None:
    verdict = {"word": "exploding", "log10_span": 14.3, "kinds": ["exploding"], "step": 3}
    html = html_of(run_of(verdict={**verdict, "sentence": "It is 1.8e14 times as large."}))
    assert ">It is 10<sup>14.3</sup> times as large.</p>" in html


@pytest.mark.parametrize(("asked", "count"), [(1, 0), (40, 2)])
def test_only_many_losses_can_be_taken_apart(asked: int, count: int) -> None:
    assert html_of(run_of(facts={"asked": asked})).count('data-toggle="losses"') == count


def test_of_a_failure_the_last_line_is_said_and_the_rest_is_there() -> None:
    page = html_of(run_of(status="failed", error="Traceback\n  line 7\nValueError: oh\n"))
    assert "<span data-failure>ValueError: oh</span>" in page
    assert "line 7" in page


def test_a_failure_shows_its_message_inert() -> None:
    page = html_of(run_of(status="failed", error="<b>boom</b>"))
    assert "&lt;b&gt;boom&lt;/b&gt;" in page
    assert "<b>boom" not in page


def test_a_name_cannot_end_the_script_that_carries_it() -> None:
    page = html_of(run_of(name="</script><script>alert(1)</script>"))
    assert "<script>alert" not in page


def test_every_panel_is_there_without_a_script() -> None:
    page = html_of(run_of())
    for name in ("hidden_gradient_norm", "decay", "hidden_gradient", "loss_state_gradient", "loss"):
        assert f'data-panel="{name}"' in page


def test_differences_leave_out_what_is_alike() -> None:
    one = {"name": "a", "seed": 1, "model": {"activation": "tanh", "hidden_size": 8}}
    other = {"name": "b", "seed": 1, "model": {"activation": None, "hidden_size": 8}}
    assert differences([one, other]) == [(("activation", "tanh"),), ()]


@pytest.mark.parametrize("query", [{"step": "4"}, {"layer": "0"}, {"tab": "training"}])
def test_a_link_to_another_view_does_not_ask_for_the_figures_of_the_first(
    query: dict[str, str],
) -> None:
    assert len(page_of(run_of()).early) == 5
    assert page_of(run_of(), query).early == ()
