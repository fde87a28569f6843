"""`gradtide export`: a run as a file."""

import contextlib
from pathlib import Path

from rich.markup import escape

from app.arrow import MissingExtraError
from app.commands.reading import find_run
from app.commands.settings import err, out, store_of
from app.exports import EXPORTS
from app.settings import Settings


def export_run(settings: Settings, prefix: str, format_: str, file: Path) -> int:
    """Write a run, found by its id or how that begins, into a file; return the exit code.

    Folders that are not there yet are made. What is there already is replaced when the whole
    export is written, and not before.
    """
    if format_ not in EXPORTS:
        err.print(f"unknown format {escape(repr(format_))}; known: {', '.join(EXPORTS)}")
        return 2
    store = store_of(settings)
    partial = file.with_name(f"{file.name}.partial")
    try:
        run = find_run(store, prefix)
        if run is None:
            return 1
        file.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as target:
            for piece in EXPORTS[format_].write(store, run):
                target.write(piece)
        partial.replace(file)
        out.print(f"Run {run.id[:8]} is in {escape(str(file))}")
        return 0
    except MissingExtraError as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        return 2
    except OSError as problem:
        err.print(f"[bold red]{escape(str(file))} cannot be written[/]: {escape(str(problem))}")
        return 1
    finally:
        with contextlib.suppress(OSError):  # also where its folder is none
            partial.unlink()
        store.close()
