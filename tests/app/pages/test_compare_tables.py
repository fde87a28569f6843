"""The tables of the comparison: only what differs, and the runs' own results."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.pages.compare_tables import outcomes_of, settings_of
from app.pages.run_verbs import VERBS, verbs_in
from app.pages.verdicts import Quantity
from app.runs import RunStatus
from tests.app.pages.test_run_page_contexts import run_of

VERDICT = {"reach": 7, "decay": 0.5, "log10_span": -5.7}
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def test_only_what_differs_is_a_row() -> None:
    one = run_of(name="a")
    model = {**one.config["model"], "activation": "relu"}
    rows = settings_of([one, run_of(name="b", config={**one.config, "model": model})])
    assert [(row.label, row.values) for row in rows] == [("activation", ("tanh", "relu"))]


def test_the_outcomes_are_the_runs_own() -> None:
    run = run_of(
        verdict=VERDICT,
        final_loss=0.25,
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=90),
    )
    found = {row.label: row.values[0] for row in outcomes_of([run])}
    texts = {label: value.text + value.exponent for label, value in found.items() if value}
    assert texts == {
        "Verdict": "Undefined",
        "Loss": "0.25",
        "Reach": "7",
        "Factor per step": "0.5",
        "Span": "10−5.7",
        "Seconds": "90",
    }


def test_hours_are_whole_seconds() -> None:
    run = run_of(started_at=STARTED, finished_at=STARTED + timedelta(hours=4, seconds=0.4))
    seconds = outcomes_of([run])[-1]
    assert (seconds.label, seconds.values) == ("Seconds", (Quantity(text="14,400"),))


def test_a_long_reach_is_counted_in_whole_steps() -> None:
    found = {row.label: row.values[0] for row in outcomes_of([run_of(verdict={"reach": 1234})])}
    assert found["Reach"] == Quantity(text="1,234")


def test_what_is_not_known_yet_is_left_open() -> None:
    found = {row.label: row.values[0] for row in outcomes_of([run_of(loss=None)])}
    assert set(found.values()) == {None}


def test_every_state_offers_what_the_service_allows() -> None:
    assert verbs_in(RunStatus.RUNNING) == ("pause", "cancel")
    assert verbs_in(RunStatus.PAUSED) == ("resume", "cancel")
    assert verbs_in(RunStatus.SUCCEEDED) == ("extend",)
    assert verbs_in(RunStatus.FAILED) == ("retry",)
    assert verbs_in(RunStatus.DIVERGED) == ()
    assert all(verb.states for verb in VERBS)


def test_the_verdict_stands_with_what_it_rests_on() -> None:
    spikes = {
        "kind": "exploding",
        "sentence": "In 2.4 % of the steps the gradient was large.",
        "evidence": [{"statistic": "gradient_norm"}],
    }
    verdict = {
        "word": "healthy",
        "kinds": ["exploding"],
        "sentence": "All arrives.",
        "findings": [spikes],
    }
    found = outcomes_of([run_of(verdict=verdict)])[0].values[0]
    assert found is not None
    assert found.text == ("Exploding: in 2.4 % of the steps the gradient was large. All arrives.")


def test_the_verdicts_row_says_all_that_the_runs_own_page_says() -> None:
    verdict = {**VERDICT, "word": "vanishing", "sentence": "1 % comes 7 steps back."}
    run = run_of(verdict={**verdict, "kinds": ["vanishing", "not_learning"], "findings": []})
    found = outcomes_of([run])[0].values[0]
    assert found is not None
    assert found.text == "Vanishing, Not learning: 1 % comes 7 steps back."


def test_a_cell_that_fixes_its_activation_has_its_own_and_not_none() -> None:
    own, chosen = run_of(), run_of()
    config = {**own.config, "model": {**own.config["model"], "activation": None}}
    (row,) = settings_of([replace(own, config=config), chosen])
    assert row.values == ("the cell's own", chosen.config["model"]["activation"])
