"""Runs beside each other in numbers: where their settings differ, and what that changed."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from app.comparison import differences
from app.pages.verdicts import (
    Quantity,
    ShownVerdict,
    plain_number,
    quantity_of_log10,
    shown_verdict,
)
from app.runs.sweep_results import verdict_number
from app.store import Run

Value = Quantity | None

# So many fit beside each other.
FEWEST_RUNS: Final = 2
MOST_RUNS: Final = 6

# What of a run is recorded changes nothing of it, and would fill a table.
RECORDED = ("recording", "statistics")

WHOLE_SECONDS = 100
"""From here on seconds are whole: four hours are 14,400, not 1.4e4."""

OWN = "the cell's own"
"""What the activation of a cell is that fixes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingRow:
    """One setting that is not alike in all runs."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeRow:
    """One result of every run; `note` says what it is."""

    label: str
    note: str
    values: tuple[Value, ...]


def compare_href(run_ids: Iterable[str], *more: tuple[str, str]) -> str:
    """Return the address that puts runs side by side, with what else it is to say.

    >>> compare_href(["7", "9"], ("lesson", "skips"))
    '/compare?run=7&run=9&lesson=skips'
    """
    return "/compare?" + urlencode([*(("run", run_id) for run_id in run_ids), *more])


def settings_of(runs: Sequence[Run]) -> tuple[SettingRow, ...]:
    """Return only what differs, one row for each setting."""
    found = differences([run.config for run in runs])
    found.pop(RECORDED, None)
    return tuple(
        SettingRow(
            label=setting_label(path), values=tuple(setting_text(path, value) for value in values)
        )
        for path, values in found.items()
    )


def outcomes_of(runs: Sequence[Run]) -> tuple[OutcomeRow, ...]:
    """Return verdict and reason, loss, reach, factor a step, span and seconds of every run."""
    verdicts = [shown_verdict(run.verdict) for run in runs]
    return (
        OutcomeRow(
            label="Verdict",
            note="what holds of the run, and why; Healthy where no alarm does, whatever the span",
            values=tuple(None if each is None else _with_reason(each) for each in verdicts),
        ),
        OutcomeRow(
            label="Loss",
            note="training batch, mean of the last 100 steps",
            values=tuple(
                _number(run.loss if run.final_loss is None else run.final_loss) for run in runs
            ),
        ),
        OutcomeRow(
            label="Reach",
            note="time steps back that still get 1 % of the last loss's gradient",
            values=tuple(_whole(verdict_number(run, "reach")) for run in runs),
        ),
        OutcomeRow(
            label="Factor per step",
            note="by which the gradient changes at each step back",
            values=tuple(_number(verdict_number(run, "decay")) for run in runs),
        ),
        OutcomeRow(
            label="Span",
            note="what of the gradient reaches the first step",
            values=tuple(_decades(verdict_number(run, "log10_span")) for run in runs),
        ),
        OutcomeRow(
            label="Seconds",
            note="from start to end",
            values=tuple(_seconds(seconds_of(run)) for run in runs),
        ),
    )


def _with_reason(verdict: ShownVerdict) -> Quantity:
    """The words of a run's own page: the headline, what else is wrong, and the reason."""
    words = ", ".join(filter(None, [verdict.word.title, verdict.troubles]))
    reason = verdict.sentence
    if not reason.startswith(f"{verdict.word.title}:"):
        return Quantity(text=f"{words}: {reason}" if reason else words)
    return Quantity(text=f"{words}. {reason}" if verdict.troubles else reason)


def setting_label(path: tuple[str, ...]) -> str:
    """A path as a reader says it: without the group, and without the word kind.

    Example:
        >>> setting_label(("training", "optimizer", "learning_rate")), setting_label(("seed",))
        ('optimizer learning rate', 'seed')
        >>> setting_label(("model", "initializer", "kind")), setting_label(("task", "kind"))
        ('initializer', 'task')
    """
    kept = path[1:] if len(path) > 1 else path
    if path[-1] == "kind":
        kept = kept[:-1] or path[:-1]
    return " ".join(kept).replace("_", " ")


def setting_text(path: tuple[str, ...], value: object) -> str:
    """A setting's value as a reader says it."""
    if value is None:
        return OWN if path[-1] == "activation" else "none"
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: float | None) -> Value:
    return None if value is None else Quantity(text=plain_number(value))


def _whole(value: float | None) -> Value:
    return None if value is None else Quantity(text=f"{value:,.0f}")


def _seconds(value: float | None) -> Value:
    return _number(value) if value is None or value < WHOLE_SECONDS else _whole(value)


def _decades(value: float | None) -> Value:
    return None if value is None or math.isnan(value) else quantity_of_log10(value)


def seconds_of(run: Run) -> float | None:
    """Return how long a run took from its start to its end; None where it has not ended."""
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()
