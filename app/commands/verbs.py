"""`gradtide cancel`, `pause`, `resume`, `retry`, `extend`, `delete`: a run's verbs in a terminal.

They are said to the store; a service that works on it hears of them there.
"""

from collections.abc import Callable
from typing import Final

from rich.markup import escape

from app.commands.reading import find_run
from app.commands.settings import err, out, store_of
from app.runs import IllegalTransition, RunService
from app.runs.local import LocalExecutor
from app.settings import Settings
from app.store import Run, Store
from engine import ConfigError

Verb = Callable[[RunService, str], Run | None]

VERBS: Final[dict[str, Verb]] = {
    "cancel": RunService.cancel,
    "pause": RunService.pause,
    "resume": RunService.resume,
    "retry": RunService.retry,
    "delete": RunService.delete,
}


def act_on_run(settings: Settings, prefix: str, verb: str) -> int:
    """Do what a verb says to the run of an id, or of how it begins; return the exit code."""
    return _act(settings, prefix, VERBS[verb], verb)


def extend_run(settings: Settings, prefix: str, steps: int) -> int:
    """Queue a run that succeeded again, until it has so many steps; return the exit code."""
    return _act(settings, prefix, lambda service, run_id: service.extend(run_id, steps), "extend")


def _act(settings: Settings, prefix: str, verb: Verb, name: str) -> int:
    store = store_of(settings)
    try:
        run = find_run(store, prefix)
        if run is None:
            return 1
        # The executor is not started: who works on the queue is another process.
        service = RunService(store, LocalExecutor(store, settings), settings)
        _tell(store, run, verb(service, run.id))
        return 0
    except IllegalTransition as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        return 1
    except ConfigError as problem:
        for pointer, detail in problem.problems:
            err.print(f"[bold red]{name} {escape(pointer)}[/]: {escape(detail)}")
        return 2
    finally:
        store.close()


def _tell(store: Store, before: Run, after: Run | None) -> None:
    """Print how a run stands after a verb; None is one that is gone."""
    if after is None:
        out.print(f"Run {before.id[:8]} is deleted.")
        return
    asked = f", {after.requested} asked for" if after.requested else ""
    out.print(f"Run {after.id[:8]} is {after.status}{asked}, {after.step} of {after.steps} steps.")
    if after.status == "queued":
        out.print(f"A service on {escape(str(store.folder))} takes it up: gradtide serve")
