"""Where one goes on from an upload: to the form of a new run, filled in."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from app.pages.base import known_catalog
from app.store import Store, Upload

MOST_WAYS = 8
MOST_LOOKED_AT = 200
# What learns on most data: plain gradient descent may stand still for long.
TRAINING: Mapping[str, Any] = {
    "steps": 1000,
    "optimizer": {"kind": "adam", "learning_rate": 0.003},
}
_WINDOW = 50
_SHARE = 0.1
# Of little data more is held out, so that a window fits into that part.
_LARGE_SHARE = 0.2
_LARGEST_SHARE = 0.5
_FEWEST = 10  # steps of a held-out part that say something


class Way(NamedTuple):
    """A task that an upload fits, and the links to the form with it filled in."""

    title: str
    analyse: str
    train: str


class Choice(NamedTuple):
    """A column of a series that can be read or asked for."""

    name: str
    told: str


def ways_from(store: Store, upload: Upload) -> tuple[Way, ...]:
    """Return where an upload leads: a data set to a network, a model to every task it fits."""
    if upload.resource == "dataset":
        link = _link({"task": fitted(upload), "model": {"cell": "lstm"}, "training": TRAINING})
        return (Way("A network on this data set", "", link),)
    model = {**upload.description["model"], "from_model": upload.id}
    found = []
    for title, task in _fitting(store, upload.description):
        config: dict[str, Any] = {"task": task, "model": model}
        analyse = _link({**config, "training": {"steps": 0}})
        train = _link({**config, "training": TRAINING})
        found.append(Way(title, analyse, train))
        if len(found) == MOST_WAYS:
            break
    return tuple(found)


def prefill_of(upload: Upload) -> tuple[tuple[str, str], ...]:
    """Return the fields of the form of a run on a data set, by their names there."""
    task = fitted(upload)
    rest = {name: value for name, value in task.items() if name != "kind"}
    optimizer = {name: value for name, value in TRAINING["optimizer"].items() if name != "kind"}
    fields = {
        "/task": task["kind"],
        **{f"/task/{name}": value for name, value in rest.items()},
        "/model/cell": "lstm",
        "/training/steps": TRAINING["steps"],
        "/training/optimizer": TRAINING["optimizer"]["kind"],
        **{f"/training/optimizer/{name}": value for name, value in optimizer.items()},
    }
    return tuple((name, str(value)) for name, value in fields.items())


def fitted(upload: Upload) -> dict[str, Any]:
    """Return the task on a data set, with a window and a held-out part that it has room for.

    A window of T with its target one step on takes T + 1 steps of each part.
    """
    task: dict[str, Any] = {"kind": upload.kind, "dataset": upload.id}
    told = upload.description
    if upload.kind == "arrays":
        held = _SHARE if told["sequences"] * _SHARE >= 1 else _LARGEST_SHARE
        return {**task, "validation": held}
    total = int(told["rows" if upload.kind == "series" else "length"])
    share = _SHARE if int(total * _SHARE) > _WINDOW else _LARGE_SHARE
    if int(total * share) < _FEWEST:
        share = _LARGEST_SHARE
    window = max(1, min(_WINDOW, int(total * share) - 1))
    return {**task, "length": window, "validation": share}


def columns_of(upload: Upload) -> tuple[Choice, ...]:
    """Return the columns that a run can read or ask for; none where there are no columns."""
    return tuple(
        Choice(column["name"], f"{column['missing']} missing" if column["missing"] else "")
        for column in upload.description.get("columns", ())
    )


def _fitting(store: Store, told: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield tasks whose inputs and answers are as wide as the network's, your own data first."""
    inputs, outputs = told["inputs"], told["outputs"]
    for upload in store.uploads.page("dataset", limit=MOST_LOOKED_AT)[0]:
        widths = _widths(upload)
        if widths[0] == inputs and outputs in (None, widths[1]):
            yield upload.name, fitted(upload)
    for task in known_catalog()["tasks"]:
        facts = task["facts"]
        if facts and facts["inputs"] == inputs and outputs in (None, facts["outputs"]):
            yield str(task["title"]), {"kind": task["name"]}


def _widths(upload: Upload) -> tuple[int, int]:
    """Return inputs and outputs of a task on a data set, all of its columns read and asked."""
    told = upload.description
    match upload.kind:
        case "series":
            return len(told["columns"]), len(told["columns"])
        case "text":
            return told["characters"], told["characters"]
        case _:
            return told["inputs"], told["outputs"]


def _link(config: Mapping[str, Any]) -> str:
    return "/runs/new?" + urlencode({"config": json.dumps(config)})
