"""What a configuration reads of the store: an uploaded data set, an uploaded model's weights."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

import engine
from app.runs.fitting import fitting
from app.runs.limits import require_affordable
from app.store import Store, Upload, UploadNotFound
from app.store.layouts import stored
from engine import ConfigError, Problem, RunConfig

Arrays = Mapping[str, NDArray[Any]]
OF_MODEL: Final = ("cell", "hidden_size", "layers", "bidirectional", "bias", "options")
"""What a configuration must say as the uploaded weights have it."""
OF_ANY_CELL: Final = OF_MODEL[:-1]  # another cell has other options


@dataclass(frozen=True, slots=True)
class Inputs:
    """What `engine.train` is given beside a configuration.

    Attributes:
        data: What the task reads; None where it makes its own.
        initial: First weights; None where they are drawn.
    """

    data: Arrays | None = None
    initial: Arrays | None = None


Described = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]
"""A complete configuration, its task's facts, the layouts of what its run records."""


def inputs_of(store: Store, config: RunConfig) -> Inputs:
    """Return what a configuration names, mapped from the store's files.

    Raises:
        ConfigError: There is no such upload, or it does not fit what names it.
    """
    data = None if config.task.dataset is None else _data(store, config)
    if config.model.from_model is None:
        return Inputs(data)
    facts = engine.describe_task(config, data)
    return Inputs(data, _weights(store, config, facts))


def described(
    config: Mapping[str, Any],
    store: Store | None = None,
    *,
    most_bytes: float = math.inf,
    most_stored: float = math.inf,
) -> Described:
    """Return a complete configuration, its task's facts and the layouts it will record.

    Args:
        config: The configuration.
        store: Where uploads are that it names; without one it may name none.
        most_bytes: Memory that a run may take.
        most_stored: Bytes on disk that it may.

    Raises:
        ConfigError: The configuration cannot be run, or its run needs more than that.
    """
    parsed = engine.RunConfig.from_dict(config)
    data = None if store is None else inputs_of(store, parsed).data
    needed = engine.estimate(parsed, data)
    try:
        require_affordable(needed, memory=most_bytes, stored=most_stored)
    except ConfigError as refused:
        fits = fitting(parsed, data, memory=most_bytes, stored=most_stored)
        raise ConfigError([*refused.problems, *fits]) from refused
    layouts = [stored(layout).to_dict() for layout in engine.layouts(parsed, data).values()]
    return parsed.to_dict(), engine.describe_task(parsed, data), layouts


def data_of(upload: Upload, tensors: Arrays) -> Arrays:
    """Return stored tensors as a task reads them: of a table a vector for each column."""
    if upload.kind != "series":
        return tensors
    left_out = {each["name"] for each in upload.description["left_out"]}
    return {
        name: tensors["values"][:, place]
        for place, name in enumerate(upload.description["order"])
        if name not in left_out
    }


def _data(store: Store, config: RunConfig) -> Arrays:
    upload_id, kind = str(config.task.dataset), config.kind_of_task
    try:
        upload = store.uploads.get("dataset", upload_id)
        if upload.kind != kind:
            detail = f"{upload.name!r} is for the task {upload.kind}, not for {kind}"
            raise ConfigError([Problem("/task/dataset", detail)])
        return data_of(upload, store.uploads.tensors(upload_id))
    except UploadNotFound as err:
        raise ConfigError([Problem("/task/dataset", f"no data set {upload_id!r}")]) from err


def _weights(store: Store, config: RunConfig, facts: Mapping[str, Any]) -> Arrays:
    upload_id = str(config.model.from_model)
    try:
        upload = store.uploads.get("model", upload_id)
        faults = list(_misfits(config, upload.description, facts))
        if faults:
            raise ConfigError(faults)
        return store.uploads.tensors(upload_id)
    except UploadNotFound as err:
        raise ConfigError([Problem("/model/from_model", f"no model {upload_id!r}")]) from err


def _misfits(
    config: RunConfig, description: Mapping[str, Any], facts: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield where a configuration says otherwise than the uploaded weights are."""
    said: dict[str, Any] = config.to_dict()["model"]  # type: ignore[assignment]  # an object
    same_cell = said["cell"] == description["model"]["cell"]
    for field in OF_MODEL if same_cell else OF_ANY_CELL:
        wanted = description["model"].get(field, said[field])
        if said[field] != wanted:
            detail = f"the uploaded model has {wanted!r}, got {said[field]!r}"
            yield Problem(f"/model/{field}", detail)
    if description["inputs"] != facts["inputs"]:
        detail = (
            f"the uploaded model reads {description['inputs']} inputs a step, the task gives "
            f"{facts['inputs']}"
        )
        yield Problem("/model/from_model", detail)
    if description["outputs"] not in (None, facts["outputs"]):
        detail = (
            f"the uploaded read-out has {description['outputs']} outputs, the task asks for "
            f"{facts['outputs']}"
        )
        yield Problem("/model/from_model", detail)
