"""`gradtide upload`, `gradtide datasets`, `gradtide models`: what users bring, in a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from app.commands.settings import err, out, store_of
from app.settings import Settings
from app.store import Resource, Upload
from app.uploads import UploadError, Wanted, keep_dataset, keep_model

NEWEST = 200


def upload_dataset(
    settings: Settings,
    file: Path,
    *,
    name: str | None,
    kind: str | None,
    columns: Sequence[str],
) -> int:
    """Check a file as a data set and keep it; return the exit code."""
    store = store_of(settings)
    try:
        kept = keep_dataset(
            store,
            file,
            name=name,
            kind=kind,
            columns=columns,
            hints=(file.name,),
            most_bytes=settings.max_upload_bytes,
        )
    except UploadError as problem:
        return _refused(problem)
    finally:
        store.close()
    out.print(f"Data set {kept.id}: {escape(kept.name)}, for the task {kept.kind}")
    for each in kept.description.get("left_out", ()):
        out.print(f"  left out: {escape(each['name'])}, {escape(each['reason'])}")
    out.print(f"Learn from it: --set task.kind={kept.kind} --set task.dataset={kept.id}")
    return 0


def upload_model(settings: Settings, file: Path, *, name: str | None, wanted: Wanted) -> int:
    """Check a file as the weights of a recurrent network and keep them; return the exit code."""
    store = store_of(settings)
    try:
        kept = keep_model(
            store,
            file,
            wanted=wanted,
            name=name,
            hints=(file.name,),
            most_bytes=settings.max_upload_bytes,
        )
    except UploadError as problem:
        return _refused(problem)
    finally:
        store.close()
    told, model = kept.description, kept.description["model"]
    out.print(
        f"Model {kept.id}: {escape(kept.name)}, {kept.kind}, {model['layers']} × "
        f"{model['hidden_size']} units, {told['inputs']} inputs, "
        f"{'no read-out' if told['outputs'] is None else str(told['outputs']) + ' outputs'}"
    )
    return 0


def print_uploads(settings: Settings, resource: Resource) -> int:
    """Print the newest uploads as a table; return the exit code."""
    store = store_of(settings)
    found, more = store.uploads.page(resource, limit=NEWEST)
    store.close()
    if not found:
        kind = "data" if resource == "dataset" else "model"
        out.print(f"Nothing is here yet. Bring some with: gradtide upload {kind} FILE")
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Id", "Kind", "Bytes", "Made", "Name"):
        table.add_column(heading, no_wrap=heading != "Name", justify="left")
    for upload in found:
        table.add_row(*_cells(upload))
    out.print(table)
    if more:
        out.print(f"… and more; these are the newest {NEWEST}.")
    return 0


def _cells(upload: Upload) -> tuple[str, ...]:
    made = f"{upload.created_at:%Y-%m-%d %H:%M}"
    return upload.id, upload.kind, str(upload.bytes), made, escape(upload.name)


def _refused(problem: UploadError) -> int:
    for each in problem.problems:
        err.print(f"[bold red]{escape(each.detail)}[/]")
    return 2
