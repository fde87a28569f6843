"""The table of states, complete and with no way around it."""

import pytest

from app.client.runs import OVER
from app.runs import TERMINAL, TRANSITIONS, IllegalTransition, RunStatus
from app.runs.states import require_transition
from app.store import FINISHED

ALLOWED = {
    "queued": {"running", "cancelled"},
    "running": {"succeeded", "diverged", "failed", "cancelled", "paused", "interrupted"},
    "interrupted": {"queued", "cancelled", "failed"},
    "paused": {"queued", "cancelled"},
    "succeeded": {"queued"},
    "failed": {"queued"},
    "diverged": set(),
    "cancelled": set(),
}
PAIRS = [(before, after) for before in RunStatus for after in RunStatus]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_move_is_allowed_where_the_table_has_it(before: RunStatus, after: RunStatus) -> None:
    if after in ALLOWED[before]:
        require_transition("r", before, after, "move")
    else:
        with pytest.raises(IllegalTransition, match=f"cannot move run r: it is {before}"):
            require_transition("r", before, after, "move")


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(RunStatus)


def test_the_store_ends_runs_in_the_final_states_alone() -> None:
    assert set(FINISHED) == TERMINAL
    assert OVER == TERMINAL
