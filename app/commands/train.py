"""`gradtide train`: one run in the foreground, through the same work as a worker's."""

import copy
import json
import signal
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from sqlalchemy.engine import Connection

from app.commands.settings import err, out, store_of
from app.commands.verdicts import verdict_lines
from app.logs import log_to_stderr
from app.runs.controls import controlled
from app.runs.service import described
from app.runs.training import train_run
from app.settings import Settings
from app.store import Run, Store
from app.store.claims import Claim
from app.store.claims import Progress as RunProgress
from app.trainer.collecting import collect_rarely
from engine import ConfigError, RunConfig

EXIT_CODES = {"succeeded": 0, "diverged": 0, "cancelled": 130}


def train_in_foreground(settings: Settings, path: Path, assignments: Sequence[str]) -> int:
    """Train the configuration of a file; return the exit code.

    A run that diverges is a result and no failure; Ctrl-C cancels and keeps what is recorded.
    """
    log_to_stderr()
    try:
        config = assign(load_configuration(path), assignments)
        RunConfig.from_dict(config)  # before a store is opened, and so made: a refusal leaves none
        store = store_of(settings)
        run, held = _made(store, config)
    except ConfigError as problem:
        for pointer, detail in problem.problems:
            err.print(f"[bold red]{escape(pointer or '/')}[/]: {escape(detail)}")
        return 2
    except ValueError as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        return 2
    status = _train(store, held, run, settings)
    code = _report(store.runs.get(run.id), status)
    store.close()
    return code


def _made(store: Store, config: Mapping[str, Any]) -> tuple[Run, Claim]:
    """Make a run that this process holds."""
    claims: list[Claim | None] = []

    def claim(connection: Connection, run_id: str) -> None:
        # In the transaction that makes the run: a server on the same store must not take it.
        claims.append(store.attempts.claim_in(connection, run_id, str(uuid.uuid4())))

    run, _ = store.runs.create(*described(config, store), then=claim)
    held = claims[0]
    if held is None:
        raise RuntimeError(f"run {run.id} could not be claimed in the transaction that made it")
    return run, held


def _train(store: Store, claim: Claim, run: Run, settings: Settings) -> str:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
    )
    with controlled(store, claim) as control, bar:
        task = bar.add_task(escape(run.name or run.id[:8]), total=run.steps, loss="")

        def listen(progress: RunProgress) -> None:
            loss = "" if progress.loss is None else f"loss {progress.loss:.4g}"
            bar.update(task, completed=progress.step, loss=loss)

        def cancel(_signal: int, _frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a second time: at once
            control.stop("cancel")

        before = signal.signal(signal.SIGINT, cancel)
        collect_rarely()
        try:
            return train_run(
                store,
                claim,
                control,
                checkpoint_seconds=settings.checkpoint_seconds,
                listener=listen,
            )
        finally:
            signal.signal(signal.SIGINT, before)


def _report(run: Run, status: str) -> int:
    loss = "" if run.final_loss is None else f", final loss {run.final_loss:.4g}"
    out.print(f"[bold]{status}[/] after {run.step} of {run.steps} steps{loss}")
    if run.error:
        err.print(f"[bold red]{escape(run.error)}[/]")
    for label, text in verdict_lines(run):
        out.print(f"[bold]{label}[/] {escape(text)}")
    out.print(f"Run {run.id}; look at it with: gradtide show {run.id[:8]}")
    return EXIT_CODES.get(status, 1)


def load_configuration(path: Path) -> dict[str, Any]:
    """Read a configuration from a JSON or TOML file.

    Raises:
        ValueError: The file is neither, or holds something else than a table.
    """
    kind, read = ("TOML", tomllib.loads) if path.suffix == ".toml" else ("JSON", json.loads)
    try:
        config: Any = read(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path}: expected {kind}, but {problem}") from problem
    if not isinstance(config, dict):
        raise ValueError(f"{path}: expected an object, got {type(config).__name__}")
    return config


def assign(config: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return the configuration with `path=value` put in; values are JSON, else plain text.

    Example:
        >>> assign({"model": {"cell": "elman"}}, ["model.cell=lstm", "seed=3"])
        {'model': {'cell': 'lstm'}, 'seed': 3}

    Raises:
        ValueError: An assignment without `=`, or a path through something that is no table.
    """
    changed = copy.deepcopy(config)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ValueError(f"expected --set path=value, got {assignment!r}")
        *parents, last = path.split(".")
        table = changed
        for name in parents:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise ValueError(f"--set {path}: {name} is not a table")
        table[last] = _value_of(text)
    return changed


def _value_of(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
