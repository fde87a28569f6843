"""The runs of a lesson: found again by their tag, and what the comparison says of the lesson."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.pages.compare_tables import compare_href
from app.pages.lessons import LESSONS, Lesson
from app.store import Run, Store

NEWEST = 50
"""So many of a lesson's newest runs are looked through for one of each network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonNote:
    """A lesson over its comparison: what was asked, guessed, and turns out."""

    title: str
    question: str
    guess: str
    is_right: bool
    answer: str
    reveal: str
    href: str


def tag_of(name: str) -> str:
    """Return the tag of a lesson's runs."""
    return f"lesson-{name}"


def trained(store: Store, name: str, lesson: Lesson) -> tuple[Run, ...]:
    """Return the newest run of each of a lesson's networks; nothing unless all are there."""
    if not lesson.runs:
        return ()
    found: dict[str, Run] = {}
    for run in store.runs.page(tag=tag_of(name), limit=NEWEST)[0]:
        found.setdefault(run.name, run)
    wanted = [str(config["name"]) for config in lesson.runs]
    return tuple(found[each] for each in wanted) if all(each in found for each in wanted) else ()


def compared(name: str, runs: Sequence[Run], guess: int | None) -> str:
    """Return the address of a lesson's comparison, which keeps the lesson and the guess."""
    guessed = [] if guess is None else [("guess", str(guess))]
    return compare_href((run.id for run in runs), ("lesson", name), *guessed)


def note_of(name: str, guess: str) -> LessonNote | None:
    """Return what the comparison says of the lesson it was opened from, if it was."""
    lesson = LESSONS.get(name)
    if lesson is None:
        return None
    position = int(guess) if guess in {"0", "1", "2"} else None
    return LessonNote(
        title=lesson.title,
        question=lesson.question,
        guess="" if position is None else lesson.choices[position],
        is_right=position == lesson.right,
        answer=lesson.choices[lesson.right],
        reveal=lesson.reveal,
        href=f"/learn/{name}" + ("" if position is None else f"?guess={position}"),
    )
