"""Tags that Gradtide gives itself: what a run was started as, for the store's own filter."""

import itertools
from collections.abc import Sequence
from typing import Final

STARTER: Final = "starter"
LESSON: Final = "lesson"
LESSON_PREFIX: Final = "lesson-"
TRIAL_PREFIX: Final = "remedies-of-"


def trial_tag(run_id: str) -> str:
    """Return the tag of all trials of a run."""
    return f"{TRIAL_PREFIX}{run_id}"


def tried_title(tags: Sequence[str], run_id: str) -> str | None:
    """Return which remedy of a run a trial tries: the tag that follows; None where none does.

    >>> tried_title(["remedies-of-7", "GRU"], "7"), tried_title(["remedies-of-7"], "7")
    ('GRU', None)
    """
    following = dict(itertools.pairwise(tags))
    return following.get(trial_tag(run_id))


def shown(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags that say something to a reader: of a trial its remedy, not of which run.

    >>> shown(["mine", "remedies-of-7", "GRU"])
    ('mine', 'GRU')
    """
    return tuple(tag for tag in tags if not tag.startswith((TRIAL_PREFIX, LESSON_PREFIX)))


def own(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags that Gradtide gave, in their order; what a user wrote is not among them.

    >>> own(["mine", "remedies-of-7", "GRU", "starter"])
    ('remedies-of-7', 'GRU', 'starter')
    """
    found = []
    previous = ""
    for tag in tags:
        of_trial = tag.startswith(TRIAL_PREFIX) or previous.startswith(TRIAL_PREFIX)
        if of_trial or tag in (STARTER, LESSON) or tag.startswith(LESSON_PREFIX):
            found.append(tag)
        previous = tag
    return tuple(found)


def written(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags that a user wrote: those that a run of the same configuration keeps.

    >>> written(["mine", "remedies-of-7", "GRU", "starter"])
    ('mine',)
    """
    given = own(tags)
    return tuple(tag for tag in tags if tag not in given)
