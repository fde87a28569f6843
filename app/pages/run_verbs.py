"""What one can do with a run in each state."""

from dataclasses import dataclass

from app.runs import RunStatus
from app.runs.states import TERMINAL


@dataclass(frozen=True, kw_only=True, slots=True)
class VerbView:
    """A button: the route's name, its words, and the states in which it stands there."""

    name: str
    title: str
    states: frozenset[RunStatus]
    is_dangerous: bool = False


_GOING = frozenset(RunStatus) - TERMINAL

# Deleting stands in the menu, with the exports.
VERBS = (
    VerbView(name="pause", title="Pause", states=frozenset({RunStatus.RUNNING})),
    VerbView(name="resume", title="Resume", states=frozenset({RunStatus.PAUSED})),
    VerbView(name="retry", title="Retry", states=frozenset({RunStatus.FAILED})),
    VerbView(name="extend", title="Train longer", states=frozenset({RunStatus.SUCCEEDED})),
    VerbView(name="cancel", title="Stop", states=_GOING, is_dangerous=True),
)


# A training loop elsewhere hears of nothing that is asked here; the run of it can be ended.
_OF_CAPTURED = ("cancel",)


def verbs_of(*, captured: bool) -> tuple[VerbView, ...]:
    """Return what one can do with runs, those of a training loop elsewhere or the others."""
    return tuple(verb for verb in VERBS if not captured or verb.name in _OF_CAPTURED)


def verbs_in(status: RunStatus, *, captured: bool = False) -> tuple[str, ...]:
    """Return the names of what one can do with a run in a state."""
    return tuple(verb.name for verb in verbs_of(captured=captured) if status in verb.states)
