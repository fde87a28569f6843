"""What a run's uploads are called: its data set, and the model whose weights it starts from."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from app.store import Resource, Run, Store, UploadNotFound

GONE = "deleted since"


def uploads_in(config: Mapping[str, Any]) -> dict[Resource, str]:
    """Return the ids of the uploads that a configuration names, by what they are.

    >>> uploads_in({"task": {"dataset": "7"}, "model": {"from_model": None}})
    {'dataset': '7'}
    """
    named: dict[Resource, Any] = {
        "dataset": config.get("task", {}).get("dataset"),
        "model": config.get("model", {}).get("from_model"),
    }
    return {resource: str(named[resource]) for resource in get_args(Resource) if named[resource]}


def upload_names(store: Store, runs: Sequence[Run]) -> dict[str, dict[str, str]]:
    """Return, by run, what its uploads are called; runs without any are left out."""
    known: dict[tuple[Resource, str], str] = {}
    found: dict[str, dict[str, str]] = {}
    for run in runs:
        for resource, upload_id in uploads_in(run.config).items():
            key = (resource, upload_id)
            if key not in known:
                known[key] = _name(store, *key)
            found.setdefault(run.id, {})[resource] = known[key]
    return found


def _name(store: Store, resource: Resource, upload_id: str) -> str:
    try:
        return store.uploads.get(resource, upload_id).name
    except UploadNotFound:
        return f"{upload_id[:8]}, {GONE}"
