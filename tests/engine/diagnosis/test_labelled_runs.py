"""Verdicts on runs whose trouble is known: nearly all found, and no alarm at a healthy one."""

import pytest

from engine import Verdict, record
from tests.engine.diagnosis.labelled import LABELLED

LEAST_RUNS, LEAST_HEALTHY = 30, 12
LEAST_HIT_RATE = 0.9


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    return {run.name: record(run.config()).verdict for run in LABELLED}


def test_there_are_enough_labelled_runs() -> None:
    assert len({run.name for run in LABELLED}) == len(LABELLED) >= LEAST_RUNS
    assert sum(run.label == "healthy" for run in LABELLED) >= LEAST_HEALTHY


def test_nine_of_ten_troubles_are_found(
    verdicts: dict[str, Verdict], request: pytest.FixtureRequest
) -> None:
    troubled = [run for run in LABELLED if run.label != "healthy"]
    missed = {
        run.name: verdicts[run.name].kinds
        for run in troubled
        if run.label not in verdicts[run.name].kinds
    }
    rate = 1 - len(missed) / len(troubled)
    tell(request, f"verdicts: {rate:.0%} of {len(troubled)} troubles found")
    assert rate >= LEAST_HIT_RATE, missed


def test_no_healthy_run_gets_an_alarm(
    verdicts: dict[str, Verdict], request: pytest.FixtureRequest
) -> None:
    healthy = [run.name for run in LABELLED if run.label == "healthy"]
    alarms = {name: verdicts[name] for name in healthy if verdicts[name].kinds != ("healthy",)}
    tell(request, f"verdicts: {len(alarms)} false alarms at {len(healthy)} healthy runs")
    assert alarms == {}


def tell(request: pytest.FixtureRequest, line: str) -> None:
    """Write a figure into pytest's own report."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


@pytest.mark.parametrize("kind", ["vanishing", "exploding"])
def test_what_goes_wrong_along_time_has_a_cause(verdicts: dict[str, Verdict], kind: str) -> None:
    without = [
        run.name for run in LABELLED if run.label == kind and verdicts[run.name].cause is None
    ]
    assert without == []


def test_every_trouble_has_evidence_and_a_remedy(verdicts: dict[str, Verdict]) -> None:
    for run in LABELLED:
        verdict = verdicts[run.name]
        assert all(finding.evidence for finding in verdict.findings), run.name
        assert bool(verdict.remedies(run.config())) == (run.label != "healthy"), run.name
