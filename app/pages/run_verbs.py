"""What one can do with a run in each state, and what a verdict proposes to try."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import engine
from app.runs import RunStatus
from app.store import Run


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


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyLink:
    """A change of configuration that acts on the verdict's cause, as a form ready to start."""

    title: str
    why: str
    href: str


def remedies_of(run: Run) -> tuple[RemedyLink, ...]:
    """Return what a run's verdict proposes; nothing where the configuration cannot be read."""
    if run.verdict is None:
        return ()
    try:
        config = engine.RunConfig.from_dict(run.config)
    except engine.ConfigError:
        return ()
    found = engine.Verdict.from_dict(run.verdict).remedies(config)
    return tuple(
        RemedyLink(
            title=one.title,
            why=one.why,
            href=_form_of({**one.config, "name": f"{run.name}: {one.title}"}),
        )
        for one in found
    )


def _form_of(config: Mapping[str, object]) -> str:
    return "/runs/new?" + urlencode({"config": json.dumps(config)})
