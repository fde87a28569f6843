"""What a stored run costs beside its training: frames, series, checkpoints and lease are cheap."""

import pytest

from benchmarks import stored_runs

pytestmark = [pytest.mark.long, pytest.mark.benchmark]

SLACK = 2.0
"""A cost counts as near its goal within this factor: other work shares the machine's cores."""


def test_a_stored_run_costs_little_more_than_its_training() -> None:
    rows = stored_runs.measure(rounds=2)
    print(stored_runs.TABLE.markdown(rows))  # noqa: T201  # whether the goal is met
    costs = {str(row["cell"]): float(row["cost"] or 0) for row in rows}
    assert set(costs) == {name for name, _, _ in stored_runs.CELLS}
    assert max(costs.values()) <= SLACK * stored_runs.GOAL, costs
