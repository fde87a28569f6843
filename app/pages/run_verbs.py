"""What one can do with a run in each state."""

from dataclasses import dataclass

from app.runs import RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class VerbView:
    """A button: the route's name, its words, and the states in which it stands there."""

    name: str
    title: str
    states: frozenset[RunStatus]
    is_dangerous: bool = False


_GOING = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.INTERRUPTED})

# Deleting stands in the menu, with the exports.
VERBS = (
    VerbView(name="pause", title="Pause", states=frozenset({RunStatus.RUNNING})),
    VerbView(name="resume", title="Resume", states=frozenset({RunStatus.PAUSED})),
    VerbView(name="retry", title="Retry", states=frozenset({RunStatus.FAILED})),
    VerbView(name="extend", title="Train longer", states=frozenset({RunStatus.SUCCEEDED})),
    VerbView(name="cancel", title="Stop", states=_GOING, is_dangerous=True),
)


def verbs_in(status: RunStatus) -> tuple[str, ...]:
    """Return the names of what one can do with a run in a state."""
    return tuple(verb.name for verb in VERBS if status in verb.states)
