"""Trials: runs that try the remedies of another run, one change each, over the same seeds.

A trial says in its tags whose remedy it tries, and which; so what was tried is found again by the
store's own filter, and outlives every page. The run itself is trained with the further seeds too:
a remedy is compared with what the unchanged network does with the same luck.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.runs.service import RunService
from app.runs.states import RESULTS, STOPPED, RunStatus
from app.runs.tags import trial_tag, tried_title
from app.store import Run, Store
from engine import Remedy, Verdict, config_of

MOST_SEEDS = 5
UNCHANGED = "unchanged"
NO_TRAINING = (
    "This run does not train: it looks at its start alone. Train it, and what to try is told by "
    "how that goes."
)
OTHER_WEIGHTS = (
    "Remedies that begin with other weights than those of the uploaded model are not offered: they "
    "would say nothing of it."
)
PAGE = 200  # the longest page of the store


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What the runs of one remedy, or of the unchanged network, came to.

    Attributes:
        title: The remedy's, or UNCHANGED.
        runs: One for each seed, by seed.
        loss: Mean final loss of those that ended; infinite where one diverged, None before.
    """

    title: str
    runs: tuple[Run, ...]
    loss: float | None

    @property
    def over(self) -> tuple[Run, ...]:
        """The runs that are over."""
        return tuple(run for run in self.runs if RunStatus(run.status).is_terminal)

    @property
    def ended(self) -> tuple[Run, ...]:
        """The runs that came to the end of their training, or diverged on the way."""
        return tuple(run for run in self.runs if run.status in RESULTS)


def remedies_of(run: Run) -> tuple[Remedy, ...]:
    """Return what to try against the run's verdict; nothing before it has one."""
    return offers_of(run)[0]


def offers_of(run: Run) -> tuple[tuple[Remedy, ...], str]:
    """Return what to try, and why something else is not offered; nothing where nothing is lacking.

    A run that looks at its start alone has no training that a remedy could change, and a remedy
    that begins with other weights says nothing of the uploaded ones.
    """
    if run.verdict is None:
        return (), ""
    found = Verdict.from_dict(run.verdict).remedies(config_of(run.config))
    if not found:
        return (), ""
    if run.config.get("training", {}).get("steps") == 0:
        return (), NO_TRAINING
    uploaded = run.config["model"].get("from_model")
    kept = tuple(
        each for each in found if uploaded is None or _model_of(each).get("from_model") == uploaded
    )
    return kept, OTHER_WEIGHTS if len(kept) < len(found) else ""


def _model_of(remedy: Remedy) -> Mapping[str, Any]:
    model = remedy.config["model"]
    return model if isinstance(model, Mapping) else {}


def start_trials(
    service: RunService, store: Store, run: Run, titles: Iterable[str], seeds: int
) -> list[Run]:
    """Queue the chosen remedies over `seeds` seeds, from the run's own on.

    What was tried is not tried again, but for what failed or was cancelled: the unchanged network
    as well, since nothing can be compared without it.

    Raises:
        QueueFull: There is no room for all of them: none is queued.
    """
    wanted = set(titles)
    chosen = [(each.title, each.config) for each in remedies_of(run) if each.title in wanted]
    there = {
        (tried.title, each.config["seed"])
        for tried in tried_of(store, run)
        for each in tried.runs
        if each.status not in STOPPED
    }
    first = int(run.config["seed"])
    return service.create_all(
        [
            {**config, "seed": seed, "tags": [trial_tag(run.id), title]}
            for seed in range(first, first + min(seeds, MOST_SEEDS))
            for title, config in [(UNCHANGED, run.config), *chosen]
            if (title, seed) not in there
        ]
    )


def tried_of(store: Store, run: Run) -> tuple[Tried, ...]:
    """Return what was tried, the unchanged network first, then the best remedy first."""
    tag = trial_tag(run.id)
    trials, cursor = store.runs.page(tag=tag, limit=PAGE)
    found: dict[str, list[Run]] = {UNCHANGED: []}
    while True:
        for trial in trials:
            title = tried_title(trial.tags, run.id)
            if title is not None:  # its tags were written anew, and no longer say which
                found.setdefault(title, []).append(trial)
        if cursor is None:
            break
        trials, cursor = store.runs.page(tag=tag, limit=PAGE, cursor=cursor)
    found[UNCHANGED].append(run)
    unchanged, *others = (_tried(title, runs) for title, runs in found.items())
    return (
        unchanged,
        *sorted(others, key=lambda each: math.inf if each.loss is None else each.loss),
    )


def _tried(title: str, runs: Sequence[Run]) -> Tried:
    """Put together what the runs of one title came to; `runs` has the newest first."""
    by_seed: dict[int, Run] = {}
    for run in runs:
        kept = by_seed.setdefault(int(run.config["seed"]), run)
        if kept.status in STOPPED and run.status not in STOPPED:
            by_seed[int(run.config["seed"])] = run
    ordered = tuple(by_seed[seed] for seed in sorted(by_seed))
    losses = [_final_loss(run) for run in ordered if run.status in RESULTS]
    known = [loss for loss in losses if loss is not None]
    return Tried(title=title, runs=ordered, loss=sum(known) / len(known) if known else None)


def _final_loss(run: Run) -> float | None:
    """Return how a run ended: a loss that is no number any more is as bad as an infinite one."""
    if run.status == "diverged" or (run.final_loss is not None and math.isnan(run.final_loss)):
        return math.inf
    return run.final_loss
