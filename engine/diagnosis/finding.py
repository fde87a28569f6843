"""What a verdict is made of: findings, the numbers they rest on, and what could not be judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.arrays import Array
from engine.config import RunConfig
from engine.diagnosis.course import Course
from engine.diagnosis.span import Span

Kind = Literal[
    "diverged",
    "exploding",
    "vanishing",
    "truncated",
    "saturated",
    "dead_units",
    "clipped_always",
    "not_learning",
    "healthy",
]


class Observed(Protocol):
    """The part of a frame that a verdict reads."""

    @property
    def step(self) -> int:
        """Training step of the frame."""

    @property
    def arrays(self) -> Mapping[str, Array]:
        """Its statistics; what verdicts read is recorded at every frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """A number that a finding rests on, and where it stands.

    Attributes:
        statistic: Name of the statistic, and so of its figure.
        value: In the statistic's own scale.
        text: The number in words.
        step, layer, time: Its coordinates; None for an axis that it has not or goes along.
    """

    statistic: str
    value: float
    text: str
    step: int | None = None
    layer: int | str | None = None
    time: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A kind of trouble that a run has."""

    kind: Kind
    sentence: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NotJudged:
    """A kind that the run's records do not tell, and why."""

    kind: Kind
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFacts:
    """What a verdict needs to know of the task.

    Attributes:
        needed_lag: Steps back that it takes; None where nobody knows.
        first_asked: The first time at which anything is asked.
        last_asked: τ.
        first_heard: State time at which the last loss's gradient ends: 1, or the first after
            the truncation wall before τ.
        baseline: Loss of the best answer without a memory, as the run counts its loss.
        solved_below: Loss under which the task counts as solved, counted likewise.
    """

    needed_lag: int | None
    first_asked: int
    last_asked: int
    first_heard: int
    baseline: float | None
    solved_below: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A run at one frame, as far as its training has come.

    Attributes:
        span: Of the frame; None where it is not defined.
        course: None where only the frame is known.
        over: Whether the frame is the last that the configuration asks for.
    """

    config: RunConfig
    task: TaskFacts
    frame: Observed
    span: Span | None
    course: Course | None
    over: bool
