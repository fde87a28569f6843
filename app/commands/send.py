"""`gradtide send`: steps that watched loops have kept on disk, sent to a service."""

from pathlib import Path

import httpx
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.capture.destinations import AwayError
from app.capture.kept import Sent, loops_in, send_loop
from app.capture.spool import Spool
from app.client import Client
from app.commands.settings import err, out
from app.settings import Settings

TIMEOUT = 60.0
INTERRUPTED = 130  # what a shell reports of Ctrl-C


def send_folder(settings: Settings, folder: Path, url: str, *, over: bool) -> int:
    """Send what is kept in a folder; return the exit code.

    What has arrived is gone from the folder, so a second call goes on where the first one stopped.
    """
    loops = loops_in(folder)
    if not loops:
        err.print(
            f"[bold red]{escape(str(folder))} holds no steps of a watched loop[/]: expected the"
            " folder that `watch` was given as store= or kept=, or that its warning names"
        )
        return 2
    token = None if settings.token is None else settings.token.get_secret_value()
    try:
        client = Client(url, token=token, timeout=TIMEOUT)
    except httpx.InvalidURL as problem:
        err.print(f"[bold red]--url {escape(url)}[/]: expected an address, but {problem}")
        return 2
    try:
        complete = [_told(each) for each in _send(loops, client, over=over)]
    except AwayError as problem:
        err.print(
            f"[bold red]{escape(url)}: {escape(str(problem))}[/]\n"
            f"{_left(loops)} steps stay in {escape(str(folder))}, and the same command goes on from"
            " here. Is --url right, and GRADTIDE_TOKEN set where the service has a token?"
        )
        return 1
    except KeyboardInterrupt:
        err.print(f"{_left(loops)} steps are left; the same command goes on from here.")
        return INTERRUPTED
    finally:
        client.close()
    return 0 if all(complete) else 1


def _send(loops: list[Spool], client: Client, *, over: bool) -> list[Sent]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
    )
    with bar:
        task = bar.add_task("steps", total=_left(loops))
        return [
            send_loop(spool, client, over=over, arrived=lambda: bar.advance(task))
            for spool in loops
        ]


def _left(loops: list[Spool]) -> int:
    return sum(len(spool.steps(recorded=True)) for spool in loops)


def _told(sent: Sent) -> bool:
    """Print what became of a loop's steps; say whether its run is complete."""
    run = "no run" if sent.run_id is None else f"run {sent.run_id}"
    refused = f", {sent.refused} refused" if sent.refused else ""
    out.print(f"{run}: {sent.steps} steps sent{refused}")
    if sent.fault is not None:
        err.print(f"[yellow]{escape(str(sent.folder))}[/]: {escape(sent.fault)}")
    return sent.fault is None
