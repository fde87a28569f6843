"""The verdict on a run: what is wrong with it, on what evidence, and why.

A verdict has two parts that say different things. The word describes the span of the last loss's
gradient and is no alarm. The kinds are alarms, each with the numbers it rests on; where none
holds, the run is healthy.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from engine.config import RunConfig
from engine.diagnosis.cause import Cause, cause_of
from engine.diagnosis.course import Course
from engine.diagnosis.finding import Case, Evidence, Finding, Kind, NotJudged, Observed, TaskFacts
from engine.diagnosis.kinds import JUDGES, SYMPTOMS, is_solved
from engine.diagnosis.remedies import Remedy, remedies_for
from engine.diagnosis.span import Span, measure_span
from engine.diagnosis.thresholds import THRESHOLDS
from engine.diagnosis.words import Word, sentence_for, word_for
from engine.tasks import known, make_task

SOLVED = "The task is solved all the same, so this is no trouble."


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a run's records say; figures are None where not defined.

    Attributes:
        word: Word for the span. It describes and is no alarm.
        sentence: The same in a sentence, with the numbers.
        step: Training step of the frame judged (of the last finite one, where one was known).
        span: g_D / g_0 of the top layer's last_loss_gradient, where it reads both ways of its
            forward direction: what a task asks for lies in the past.
        log10_span: Its log10, which never underflows.
        decay: Factor per time step.
        reach: Time steps back at which at least a hundredth of the gradient still arrives.
        needed_lag: Time steps back that the task needs; None where that is not known.
        kinds: What is wrong, the gravest first; ("healthy",) where nothing is.
        findings: One for each kind but healthy, with its evidence.
        not_judged: Kinds that the records do not tell, and why.
        cause: Why the gradient vanishes or explodes along time.
        thresholds: What the kinds were judged with.
    """

    word: Word
    sentence: str
    step: int
    span: float | None = None
    log10_span: float | None = None
    decay: float | None = None
    reach: int | None = None
    needed_lag: int | None = None
    kinds: tuple[Kind, ...] = ("healthy",)
    findings: tuple[Finding, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    cause: Cause | None = None

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Return the numbers that the kinds were judged with, by name."""
        return {name: value for name, (value, _) in THRESHOLDS.items()}

    def remedies(self, config: RunConfig) -> tuple[Remedy, ...]:
        """Return what to try against the kinds found in a run of this configuration."""
        factor = None if self.cause is None else self.cause.factor
        return remedies_for(config, self.kinds, factor)

    def to_dict(self) -> dict[str, object]:
        """Return the fields as plain values; infinities stay floats."""
        return {**asdict(self), "thresholds": self.thresholds}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Verdict":
        """Return the verdict that `to_dict` was asked of; what is missing is as at the start."""
        known = {name: value for name, value in fields.items() if name != "thresholds"}
        findings = tuple(
            Finding(**{**found, "evidence": tuple(Evidence(**one) for one in found["evidence"])})
            for found in fields.get("findings", ())
        )
        cause = fields.get("cause")
        return cls(
            **{
                **known,
                "kinds": tuple(fields.get("kinds", ("healthy",))),
                "findings": findings,
                "not_judged": tuple(NotJudged(**one) for one in fields.get("not_judged", ())),
                "cause": None if cause is None else Cause(**cause),
            }
        )


def diagnose(
    frame: Observed,
    config: RunConfig,
    *,
    course: Course | None = None,
    earlier: Verdict | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return what a frame, and the training up to it, say of a run.

    Args:
        frame: The frame to judge.
        config: The run's configuration.
        course: The series of all steps before the frame; without it the kinds that go by them
            are not judged.
        earlier: The verdict before. Where this frame is not finite, its figures stand beside
            the word, as those of the last finite frame.
        facts: What `engine.describe_task` says of the configuration's task; needed where that
            reads uploaded data.
    """
    task = _facts_at(frame, task_facts(config) if facts is None else read_facts(config, facts))
    row = np.asarray(frame.arrays["last_loss_gradient"], dtype=np.float64)[
        config.model.top_entry, task.first_heard - 1 : task.last_asked
    ]
    span = measure_span(row)
    case = Case(
        config=config,
        task=task,
        frame=frame,
        span=span,
        course=course,
        over=frame.step >= config.training.steps,
    )
    if span is None and np.any(~(row < np.inf)):
        return _not_finite(case, earlier)
    return _judged(_of_span(case, span), case)


def _of_span(case: Case, span: Span | None) -> Verdict:
    needed, step = case.task.needed_lag, case.frame.step
    if span is None:  # finite or zero everywhere: it is g_0 that is zero
        sentence = "Nothing arrives at the last asked state itself: there is no gradient to follow."
        return Verdict(word="undefined", sentence=sentence, step=step, needed_lag=needed)
    steps_back = case.task.last_asked - case.task.first_heard
    return Verdict(
        word=word_for(span),
        sentence=sentence_for(
            span,
            steps_back=steps_back,
            needed_lag=needed,
            first_heard=case.task.first_heard,
        ),
        step=step,
        span=span.span,
        log10_span=span.log10_span,
        decay=span.decay,
        reach=span.reach,
        needed_lag=needed,
    )


def _judged(verdict: Verdict, case: Case) -> Verdict:
    """Return the verdict with its kinds, findings and cause."""
    told = {kind: judge(case) for kind, judge in JUDGES.items()}
    if is_solved(case):
        told |= {
            kind: f"{found.sentence} {SOLVED}"
            for kind, found in told.items()
            if kind in SYMPTOMS and isinstance(found, Finding)
        }
    findings = tuple(found for found in told.values() if isinstance(found, Finding))
    not_judged = tuple(
        NotJudged(kind=kind, reason=found) for kind, found in told.items() if isinstance(found, str)
    )
    causes = (cause_of(finding.kind, case) for finding in findings)
    return replace(
        verdict,
        kinds=tuple(finding.kind for finding in findings) or ("healthy",),
        findings=findings,
        not_judged=not_judged,
        cause=next((cause for cause in causes if cause is not None), None),
    )


def _not_finite(case: Case, earlier: Verdict | None) -> Verdict:
    """Return the verdict on a frame that is not finite: the one before, and what is new."""
    sentence = f"At step {case.frame.step} the gradient is no longer finite."
    lost = JUDGES["diverged"](case)
    found = (lost if isinstance(lost, Finding) else _lost_gradient(case, sentence),)
    if earlier is None or earlier.span is None:
        reason = "the gradient is not finite"
        return Verdict(
            word="not finite",
            sentence=sentence,
            step=case.frame.step,
            needed_lag=case.task.needed_lag,
            kinds=tuple(finding.kind for finding in found),
            findings=found,
            not_judged=tuple(
                NotJudged(kind=kind, reason=reason) for kind in JUDGES if kind != found[0].kind
            ),
        )
    before = earlier.sentence.split(" Before: ")[-1]
    kind = found[0].kind
    findings = found + tuple(older for older in earlier.findings if older.kind != kind)
    return replace(
        earlier,
        word="not finite",
        sentence=f"{sentence} Before: {before}",
        kinds=tuple(finding.kind for finding in findings),
        findings=findings,
    )


def _lost_gradient(case: Case, sentence: str) -> Finding:
    """Return what there is to say where the gradient is lost before the loss is."""
    found = Evidence(
        statistic="last_loss_gradient",
        step=case.frame.step,
        layer=case.config.model.layer_axis[case.config.model.top_entry],
        value=np.nan,
        text="gradient not finite",
    )
    return Finding(kind="exploding", sentence=sentence, evidence=(found,))


def _facts_at(frame: Observed, task: TaskFacts) -> TaskFacts:
    """Return what is known of the task; sequences shorter than it begin later before τ."""
    length = getattr(frame, "length", None)  # of frames of sequences that may be shorter
    return task if length is None else replace(task, first_heard=task.last_asked + 1 - length)


@lru_cache(maxsize=64)
def task_facts(config: RunConfig) -> TaskFacts:
    """Return what a verdict needs to know of a run's task, where that makes its own data."""
    task = make_task(config.task, config.seed)
    training = config.training
    counted = len(task.asked_times) * training.batch_size if training.reduction == "sum" else 1
    told = {"needed_lag": task.needed_lag, "last_asked": task.last_asked}
    told["first_asked"] = task.asked_times[0]
    losses = {
        "baseline": known(task.baseline * counted),
        "solved_below": known(task.solved_below * counted),
    }
    return read_facts(config, {**told, **losses})


def read_facts(config: RunConfig, facts: Mapping[str, Any]) -> TaskFacts:
    """Return what a verdict needs to know of a run's task, from what was told of it."""
    window, last = config.training.truncation, int(facts["last_asked"])
    return TaskFacts(
        needed_lag=facts["needed_lag"],
        first_asked=int(facts.get("first_asked", 1)),
        last_asked=last,
        first_heard=1 if window is None else (last - 1) // window * window + 1,
        baseline=facts["baseline"],
        solved_below=facts["solved_below"],
    )
