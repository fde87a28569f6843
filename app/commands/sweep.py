"""`gradtide sweep`: a grid of runs in the foreground, through the same executor as the service."""

import time
from pathlib import Path

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from app.commands.settings import err, executor_for, out, store_of
from app.commands.train import load_configuration
from app.logs import log_to_stderr
from app.runs import TERMINAL, RunService
from app.runs.grids import KEYS, label_of
from app.runs.sweep_results import cell_of, values_of
from app.runs.sweeps import Sweeps
from app.settings import Settings
from app.store import QueueFull, Store, Sweep
from engine import ConfigError, Problem

LOOK_SECONDS = 0.2
INTERRUPTED = 130  # what a shell reports of Ctrl-C


def sweep_in_foreground(settings: Settings, path: Path) -> int:
    """Run the grid of a file; return the exit code.

    Ctrl-C cancels the sweep and keeps what is recorded. Runs that diverge are results.
    """
    log_to_stderr()
    store = store_of(settings)
    service = RunService(store, executor_for(store, settings), settings)
    sweeps = Sweeps(store, service, settings.max_sweep_runs)
    try:
        sweep, _ = sweeps.create(_grid_of(path))
    except ConfigError as problem:
        for pointer, detail in problem.problems:
            err.print(f"[bold red]{escape(pointer or '/')}[/]: {escape(detail)}")
        return 2
    except (ValueError, QueueFull) as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        return 2
    for each in sweep.skipped:
        reason = f"{label_of(each['values'])}: {each['reason']}"
        err.print(f"[yellow]skipped[/] {escape(reason)}")
    service.start()
    try:
        _follow(store, sweep)
        code = 0
    except KeyboardInterrupt:
        sweeps.cancel(sweep.id)
        code = INTERRUPTED
    finally:
        service.stop()
    failed = _report(store, sweep)
    store.close()
    return code or int(failed)


def _grid_of(path: Path) -> dict[str, object]:
    body = load_configuration(path)
    faults = [Problem(f"/{key}", "required, and left out") for key in KEYS[:2] if key not in body]
    known = ", ".join(KEYS)
    faults += [Problem(f"/{key}", f"unknown key; known: {known}") for key in body.keys() - {*KEYS}]
    if faults:
        raise ConfigError(faults)
    return body


def _follow(store: Store, sweep: Sweep) -> None:
    """Show how far all runs are together until the last is over."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[runs]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
    )
    with bar:
        task = bar.add_task(escape(sweep.name), runs="")
        while True:
            tallies = store.sweeps.tallies([sweep.id])[sweep.id]
            runs = sum(each.runs for each in tallies.values())
            over = [each for status, each in tallies.items() if status in TERMINAL]
            # A run that diverged is over before its last step.
            steps = sum(each.steps for each in tallies.values())
            step = sum(each.step for status, each in tallies.items() if status not in TERMINAL)
            done = sum(each.runs for each in over)
            bar.update(
                task,
                total=steps,
                completed=step + sum(each.steps for each in over),
                runs=f"{done} of {runs} runs",
            )
            if done == runs:
                return
            time.sleep(LOOK_SECONDS)


def _report(store: Store, sweep: Sweep) -> bool:
    """Print what each combination came to; say whether a run failed."""
    members = store.sweeps.members(sweep.id)
    for place in sorted({member.cell for member in members}):
        runs = [member.run for member in members if member.cell == place]
        loss = cell_of(runs, "final_loss")
        solved = cell_of(runs, "success")
        text = "no result" if loss.middle is None else f"final loss {loss.middle:.4g}"
        if solved.middle is not None:
            text += f", solved by {round(solved.middle * solved.count)} of {solved.count}"
        out.print(f"[bold]{escape(label_of(values_of(sweep, place)))}[/] {text}")
    out.print(
        f"Sweep {sweep.id}: {_counted(len(members), 'run')}, "
        f"{_counted(len(sweep.skipped), 'combination')} skipped"
    )
    return any(member.run.status == "failed" for member in members)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
