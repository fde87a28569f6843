"""The states of a run and the moves between them.

    queued      -> running, cancelled
    running     -> succeeded, diverged, failed, cancelled, paused, interrupted
    interrupted -> queued, cancelled, failed
    paused      -> queued, cancelled
    succeeded   -> queued (extend)
    failed      -> queued (retry)

`diverged` is a result: the loss is no longer finite, and what led there is recorded.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.store import OVER


class RunStatus(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    DIVERGED = "diverged"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing happens any more unless a user asks for it."""
        return self in TERMINAL


_S = RunStatus
TERMINAL = frozenset(map(RunStatus, OVER))
# Over, and not because somebody or something stopped it: what it came to can be compared.
RESULTS = frozenset({_S.SUCCEEDED, _S.DIVERGED})
# Over, but not at its own end: what it came to says nothing, and it may be tried again.
STOPPED = TERMINAL - RESULTS
TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.RUNNING, _S.CANCELLED}),
        _S.RUNNING: TERMINAL | {_S.PAUSED, _S.INTERRUPTED},
        _S.INTERRUPTED: frozenset({_S.QUEUED, _S.CANCELLED, _S.FAILED}),
        _S.PAUSED: frozenset({_S.QUEUED, _S.CANCELLED}),
        _S.SUCCEEDED: frozenset({_S.QUEUED}),
        _S.DIVERGED: frozenset(),
        _S.FAILED: frozenset({_S.QUEUED}),
        _S.CANCELLED: frozenset(),
    }
)


# The verbs that queue a run again, and the state each finds it in.
REQUEUES: Mapping[str, RunStatus] = MappingProxyType(
    {"resume": _S.PAUSED, "extend": _S.SUCCEEDED, "retry": _S.FAILED}
)
# On its way: nobody need ask for it again.
UNDER_WAY = frozenset({_S.QUEUED, _S.RUNNING, _S.INTERRUPTED})


def status_word(status: str) -> str:
    """Return a run's status as a reader is told it.

    A run that came to its end may have learned nothing: "succeeded" beside "vanishing" misleads.

    >>> status_word("succeeded"), status_word("queued")
    ('Finished', 'Queued')
    """
    return "Finished" if status == "succeeded" else status.capitalize()


class RunError(Exception):
    """Base of what the run service refuses."""


class IllegalTransition(RunError):
    """A verb that the run's state does not allow."""

    def __init__(self, run_id: str, status: str, verb: str, *, what: str = "run") -> None:
        """Say which run (or sweep), where it is, and what was asked of it."""
        super().__init__(f"cannot {verb} {what} {run_id}: it is {status}")
        self.run_id = run_id
        self.status = status
        self.verb = verb


def require_transition(run_id: str, before: str, after: str, verb: str) -> None:
    """Refuse a move that the table above does not have.

    Raises:
        IllegalTransition: There is no such move.
    """
    if RunStatus(after) not in TRANSITIONS[RunStatus(before)]:
        raise IllegalTransition(run_id, before, verb)


def require_status(run_id: str, status: str, verb: str) -> None:
    """Refuse a verb that queues again where the run is not in the state the verb is for.

    Raises:
        IllegalTransition: It is in another state.
    """
    if status != REQUEUES[verb]:
        raise IllegalTransition(run_id, status, verb)
