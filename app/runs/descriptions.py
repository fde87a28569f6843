"""What a user may write on a run at any time: its name, its tags, notes."""

from collections.abc import Iterator, Mapping
from typing import Any

import engine
from engine import ConfigError, Problem

KEYS = ("name", "tags", "notes")
MAX_NOTES = 10_000


def require_valid(config: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Hold changes of `KEYS` against the bounds of the run's configuration.

    Raises:
        ConfigError: A value that no run may have.
    """
    problems = [*_of_notes(changes.get("notes", "")), *_of_words(config, changes)]
    if problems:
        raise ConfigError(problems)


def _of_notes(notes: object) -> Iterator[Problem]:
    if not isinstance(notes, str) or len(notes) > MAX_NOTES:
        yield Problem("/notes", f"expected a text of at most {MAX_NOTES} characters")


def _of_words(config: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[Problem]:
    words = {key: changes[key] for key in ("name", "tags") if key in changes}
    if words.get("name", "") is None:
        yield Problem("/name", "expected a text, got null")
    try:
        engine.config_of({**config, **words})
    except ConfigError as err:
        # A configuration of an older engine may have faults of its own by now.
        yield from (each for each in err.problems if _key_of(each) in words)


def _key_of(problem: Problem) -> str:
    return problem.pointer.removeprefix("/").partition("/")[0]
