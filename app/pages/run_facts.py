"""A run's configuration in a reader's words, for the rail beside the panels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from engine import is_captured

Json = Mapping[str, Any]

# What decides a training is said whether or not it is what it usually is.
ALWAYS_SAID = frozenset({"learning_rate", "threshold"})

LAYERS: Json = {"elman": "RNN", "lstm": "LSTM", "gru": "GRU"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One line of the rail."""

    label: str
    value: str


def configuration(
    config: Json, catalog: Json, uploads: Json = MappingProxyType({})
) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    """Return the groups of the rail: model, initialization, training, recording.

    Args:
        config: The run's.
        catalog: What the kinds in it are called.
        uploads: What its `dataset` and its `model` are called, where it has them.
    """
    model, training = config["model"], config["training"]
    recording, task = config["recording"], config["task"]
    if is_captured(config):
        return _of_captured(config)
    start = partial(_choice, entries=catalog.get("initializers", ()))
    return (
        (
            "Model",
            _facts(
                ("Cell", _title(catalog, "cells", model["cell"])),
                ("Activation", _choice(model.get("activation")) or "the cell's own"),
                ("Hidden H", model["hidden_size"]),
                ("Layers", model["layers"]),
                ("Directions", "both" if model.get("bidirectional") else None),
                ("Bias", None if model.get("bias", True) else "none"),
                ("Layer skips", "yes" if model.get("layer_skips") else None),
                ("Options", _options(model.get("options") or {})),
            ),
        ),
        (
            "Initialization",
            _facts(
                ("Weights of", uploads.get("model")),
                ("Recurrent", None if "model" in uploads else start(model["initializer"])),
                ("Input", None if "model" in uploads else start(model["input_initializer"])),
                ("Spectral radius", model.get("spectral_radius")),
                ("Forget bias", model.get("forget_bias")),
            ),
        ),
        (
            "Training",
            _facts(
                ("Task", _title(catalog, "tasks", task["kind"])),
                ("Data set", uploads.get("dataset")),
                ("Length T", task.get("length")),
                ("Optimizer", _choice(training["optimizer"], catalog.get("optimizers", ()))),
                ("Schedule", _choice(training["schedule"], catalog.get("schedules", ()))),
                ("Clipping", _choice(training["clipping"], catalog.get("clippings", ())) or "off"),
                ("Regularizer", _choice(training["regularizer"])),
                ("Batch", training["batch_size"]),
                ("Steps", training["steps"]),
                ("Precision", training["precision"]),
                ("Seed", config["seed"]),
            ),
        ),
        (
            "Recording",
            _facts(
                ("Every", _steps(recording["every"])),
                ("Batch", f"{recording['batch']}, {recording['probe_size']} samples"),
            ),
        ),
    )


def _of_captured(config: Json) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    """Return what is known of a training loop elsewhere."""
    model, training, task = config["model"], config["training"], config["task"]
    return (
        (
            "Model",
            _facts(
                ("Layer", LAYERS.get(model["cell"], model["cell"])),
                ("Activation", _choice(model.get("activation"))),
                ("Inputs D", task["inputs"]),
                ("Hidden H", model["hidden_size"]),
                ("Layers", model["layers"]),
                ("Directions", "both" if model.get("bidirectional") else None),
                ("Bias", None if model.get("bias", True) else "none"),
            ),
        ),
        (
            "Training",
            _facts(
                ("Where", "a loop of its own"),
                ("Longest T", task["length"]),
                ("Loss", f"{training['reduction']} over the batch"),
                ("Precision", training["precision"]),
            ),
        ),
        ("Recording", _facts(("Every", _steps(config["recording"]["every"])))),
    )


def _facts(*lines: tuple[str, object]) -> tuple[Fact, ...]:
    """Leave out what is not set."""
    return tuple(
        Fact(label=label, value=_number(value)) for label, value in lines if value not in (None, "")
    )


def _title(catalog: Json, part: str, name: str) -> str:
    """The catalog's title of a kind; its name where the catalog has none."""
    found = catalog.get(part, {})
    entries = found.values() if isinstance(found, Mapping) else found
    for entry in entries:
        if isinstance(entry, Mapping) and name in (entry.get("name"), entry.get("kind")):
            return str(entry.get("title", name))
    return name


def _steps(count: int) -> str:
    return "step" if count == 1 else f"{count} steps"


def _choice(value: object, entries: Sequence[Json] = ()) -> str:
    """A kind with its own numbers, "sgd, learning rate 0.01"; those that are usual are left out.

    Args:
        value: The choice.
        entries: What the catalog says of each kind, with the numbers that are usual.
    """
    if value is None:
        return ""
    if not isinstance(value, Mapping):
        return str(value).replace("_", " ")
    rest = [
        f"{key.replace('_', ' ')} {_number(number)}"
        for key, number in value.items()
        if key != "kind" and not _is_neutral(key, number) and not _is_usual(value, key, entries)
    ]
    return ", ".join([str(value.get("kind", "")).replace("_", " "), *rest])


def _is_neutral(key: str, number: object) -> bool:
    """Whether a number says nothing: off, none, or a gain of one."""
    return number in (None, 0, False) or (key == "gain" and number == 1)


def _is_usual(choice: Json, key: str, entries: Sequence[Json]) -> bool:
    """Whether a number is the one that its kind has unless another is given."""
    if key in ALWAYS_SAID:
        return False
    found = next((one for one in entries if one["name"] == choice.get("kind")), None)
    known = {} if found is None else found["options"]["properties"].get(key, {})
    return "default" in known and known["default"] == choice[key]


def _options(options: Json) -> str:
    return ", ".join(f"{key} {_number(value)}" for key, value in options.items())


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
