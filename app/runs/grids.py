"""Grids: one configuration, and values of some of its places that are tried in every combination.

A place is written with dots, `training.optimizer.learning_rate`; what stands there is replaced
whole. Where a combination changes a kind (or the cell), the keys of the base that the new kind
lacks are dropped: momentum beside adam, an activation beside an LSTM.
"""

import copy
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from app.json_texts import escape
from engine import ConfigError, Problem, RunConfig, bounds

KEYS: Final = ("base", "axes", "repeats")
MOST_REPEATS: Final = 100
# What names the keys that an object may have beside it.
DISCRIMINATORS: Final = ("kind", "cell")
NO_AXES: Final = ("name", "tags")  # they change nothing that a run does

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A base, its axes, and how many seeds each combination is run with.

    Attributes:
        base: A configuration; what an axis gives may be missing from it.
        axes: The values of each place.
        repeats: Runs of each combination, with the seeds from the base's own on.
    """

    base: Json
    axes: Mapping[str, Sequence[Any]]
    repeats: int

    @property
    def size(self) -> int:
        """How many runs the grid has, refused ones included."""
        return math.prod(len(values) for values in self.axes.values()) * self.repeats

    def combinations(self) -> Iterator[tuple[int, Json]]:
        """Yield the number of each combination and its value on each axis, the last one fastest."""
        for cell, values in enumerate(product(*self.axes.values())):
            yield cell, dict(zip(self.axes, values, strict=True))

    def configurations(self, values: Mapping[str, Any]) -> list[Json]:
        """Return the configurations of a combination, complete, one for each seed.

        Raises:
            ConfigError: It cannot be run.
        """
        config = combined(self.base, values)
        complete = RunConfig.from_dict(config)
        name = label_of(values)
        if self.base.get("name") is not None:
            name = f"{self.base['name']}: {name}"
        seeds = range(complete.seed, complete.seed + self.repeats)
        return [
            RunConfig.from_dict(
                {**config, "name": _named(name, seed, self.repeats), "seed": seed}
            ).to_dict()
            for seed in seeds
        ]


def _named(name: str, seed: int, repeats: int) -> str:
    """Return the name of one of several runs that differ in their seed alone.

    >>> _named("activation relu", 4, 2), _named("activation relu", 4, 1)
    ('activation relu, seed 4', 'activation relu')
    """
    ending = f", seed {seed}" if repeats > 1 else ""
    return name[: bounds.LONGEST_NAME - len(ending)] + ending


def read_grid(body: Mapping[str, Any], most: int) -> Grid:
    """Return the grid that a body of the keys `base`, `axes` and `repeats` describes.

    Args:
        body: What was sent; `repeats` may be left out.
        most: Refuse more runs than that.

    Raises:
        ConfigError: It is no grid; every fault with its pointer.
    """
    axes, repeats = body["axes"], body.get("repeats", 1)
    faults = [*_faults_of_axes(axes), *_faults_of_repeats(repeats, axes)]
    if faults:
        raise ConfigError(faults)
    faults = list(_faults_of_base(body["base"], [pointer_of(path) for path in axes]))
    if faults:
        raise ConfigError(faults)
    grid = Grid(base=body["base"], axes=axes, repeats=int(repeats))
    if grid.size > most:
        raise ConfigError([Problem("/axes", f"{grid.size} runs, one sweep may have {most}")])
    return grid


def _faults_of_axes(axes: object) -> Iterator[Problem]:
    if not isinstance(axes, dict) or not axes:
        yield Problem("/axes", "expected an object of places with a list of values each")
        return
    for path, values in axes.items():
        place = f"/axes/{escape(path)}"
        if path in NO_AXES:
            yield Problem(place, "this changes nothing that a run does")
        elif not isinstance(values, list) or not values:
            yield Problem(place, "expected a list of values")
        else:
            texts = [json.dumps(value, sort_keys=True) for value in values]
            for index, text in enumerate(texts):
                if text in texts[:index]:
                    yield Problem(f"{place}/{index}", f"{text} stands in the list already")


def _faults_of_repeats(repeats: object, axes: object) -> Iterator[Problem]:
    whole = isinstance(repeats, int | float) and not isinstance(repeats, bool)
    if not whole or repeats not in range(1, MOST_REPEATS + 1):
        yield Problem("/repeats", f"expected a whole number from 1 to {MOST_REPEATS}")
    elif isinstance(axes, dict) and "seed" in axes and repeats != 1:
        yield Problem("/repeats", "expected 1 beside an axis of seeds")


def _faults_of_base(base: object, places: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with the base, but for what the axes give in its place."""
    try:
        RunConfig.from_dict(base)  # type: ignore[arg-type]  # it refuses what is no object
    except ConfigError as error:
        for problem in error.problems:
            if not isinstance(base, dict) or not _touches(problem.pointer, places):
                yield Problem(f"/base{problem.pointer}", problem.detail)


def combined(base: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """Return the base with values in their places, without the keys that a changed kind lacks.

    Raises:
        ConfigError: The combination cannot be run.
    """
    config: Json = copy.deepcopy(dict(base))
    # The outer first: a learning rate is put into the optimizer that another axis gives.
    for path in sorted(values, key=lambda each: each.count(".")):
        _put(config, path, copy.deepcopy(values[path]))
    changed = [
        pointer_of(path).rpartition("/")[0] + "/"
        for path, value in values.items()
        if path.rpartition(".")[2] in DISCRIMINATORS and _at(base, pointer_of(path)) != value
    ]
    places = [pointer_of(path) for path in values]
    dropped: list[Problem] = []
    while True:
        try:
            complete = RunConfig.from_dict(config).to_dict()
        except ConfigError as error:
            lacking = [
                problem
                for problem in error.problems
                if problem.pointer.startswith(tuple(changed))
                and not _touches(problem.pointer, places)
                and _drop(config, problem.pointer)
            ]
            if not lacking:
                raise
            dropped += lacking
        else:
            # A key that the new kind has, and whose value it refuses, is not its to drop.
            refused = [each for each in dropped if _at(complete, each.pointer) is not None]
            if refused:
                raise ConfigError(refused)
            return config


def pointer_of(path: str) -> str:
    """Return a place as a JSON pointer.

    >>> pointer_of("training.optimizer.kind")
    '/training/optimizer/kind'
    """
    return "".join(f"/{escape(part)}" for part in path.split("."))


def label_of(values: Mapping[str, Any]) -> str:
    """Return a combination in a few words.

    >>> label_of({"model.activation": "relu", "training.optimizer.kind": "adam"})
    'activation relu, optimizer adam'
    """
    return ", ".join(f"{axis_label(path)} {value_label(value)}" for path, value in values.items())


def axis_label(path: str) -> str:
    """Return what an axis is called: the last part of its place that says something."""
    parts = path.split(".")
    last = parts[-2] if parts[-1] == "kind" and len(parts) > 1 else parts[-1]
    return last.replace("_", " ")


def value_label(value: object) -> str:
    """Return a value in a few words: a kind by its name."""
    if isinstance(value, dict) and "kind" in value:
        own = ", ".join(
            f"{key} {value_label(each)}" for key, each in value.items() if key != "kind"
        )
        return f"{value['kind']} ({own})" if own else str(value["kind"])
    return value if isinstance(value, str) else json.dumps(value)


def _touches(pointer: str, places: Sequence[str]) -> bool:
    """Say whether a pointer is a place, lies in one, or holds one."""
    return any(
        pointer == place or pointer.startswith(f"{place}/") or place.startswith(f"{pointer}/")
        for place in places
    )


def _put(config: Json, path: str, value: object) -> None:
    *parents, last = path.split(".")
    table = config
    for part in parents:
        if table.get(part) is None:
            table[part] = {}
        table = table[part]
        if not isinstance(table, dict):
            raise ConfigError([Problem(pointer_of(path), f"{part} is no object of the base")])
    table[last] = value


def _at(config: Any, pointer: str) -> Any:  # noqa: ANN401  # any JSON value
    """Return what stands at a pointer; None where nothing does."""
    for part in pointer.split("/")[1:]:
        if not isinstance(config, Mapping):
            return None
        config = config.get(part.replace("~1", "/").replace("~0", "~"))
    return config


def _drop(config: Json, pointer: str) -> bool:
    """Remove what stands at a pointer; say whether anything did."""
    above, _, last = pointer.rpartition("/")
    table = _at(config, above)
    key = last.replace("~1", "/").replace("~0", "~")
    if not isinstance(table, dict) or key not in table:
        return False
    del table[key]
    return True
