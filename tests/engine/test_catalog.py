"""The catalog lists what the registries hold, in words and as JSON."""

import json
import math
from typing import Any

import numpy as np
import pytest

from engine.activations import ACTIVATIONS
from engine.catalog import catalog, describe_task
from engine.cells import CELLS
from engine.config import RunConfig, config_schema
from engine.initializers import INITIALIZERS
from engine.learning import train
from engine.statistics import STATISTICS
from engine.tasks import TASKS
from tests.engine.uploaded_data import READING, uploaded

Json = dict[str, Any]
CATALOG: Json = catalog()
SECTIONS = {
    "tasks": list(TASKS),
    "cells": list(CELLS),
    "activations": list(ACTIVATIONS),
    "initializers": list(INITIALIZERS),
    "optimizers": ["sgd", "rmsprop", "adagrad", "adam", "adamw"],
    "schedules": ["constant", "step", "exponential", "cosine", "warmup_cosine", "plateau"],
    "clippings": ["norm", "value", "adaptive"],
    "regularizers": ["vanishing"],
    "statistics": list(STATISTICS),
}
ENTRIES = [(section, entry) for section in SECTIONS for entry in CATALOG[section]]


@pytest.mark.parametrize(("section", "names"), SECTIONS.items(), ids=SECTIONS)
def test_every_registry_is_listed_in_its_order(section: str, names: list[str]) -> None:
    assert [entry["name"] for entry in CATALOG[section]] == names


@pytest.mark.parametrize(
    ("section", "entry"), ENTRIES, ids=lambda v: v if isinstance(v, str) else v["name"]
)
def test_every_entry_has_a_title_and_says_what_it_does(section: str, entry: Json) -> None:
    assert entry["title"]
    assert len(entry["what_it_does"].split()) >= 4, section
    if "options" in entry:
        assert entry["options"]["type"] == "object"


def test_the_catalog_is_json() -> None:
    assert json.loads(json.dumps(CATALOG, allow_nan=False)) == CATALOG
    assert CATALOG["config"] == config_schema()


def choices(cell: Json) -> list[Json]:
    """The defaults, and every other choice that an option offers by name."""
    offered = {
        name: field.get("enum", [False, True])
        for name, field in cell["options"]["properties"].items()
        if "enum" in field or field["type"] == "boolean"
    }
    return [{}, *({name: value} for name, values in offered.items() for value in values)]


@pytest.mark.parametrize(
    ("name", "options"),
    [(cell["name"], options) for cell in CATALOG["cells"] for options in choices(cell)],
    ids=str,
)
def test_a_cells_gates_and_parameters_are_those_of_its_network(name: str, options: Json) -> None:
    cell = next(entry for entry in CATALOG["cells"] if entry["name"] == name)
    variant: Json = next((each for each in cell["variants"] if each["options"] == options), {})
    cell = {**cell, **variant}
    model = {"cell": name, "hidden_size": 7, "options": options}
    config = {"task": {"kind": "adding"}, "model": model}
    network = next(iter(train(RunConfig.from_dict(config)))).network
    shapes = network.parameter_shapes
    assert cell["gates"] == list(network.cell.gates)
    sizes = {"G": cell["symbols"]["G"], "H": 7, "D": 2, "K": 1}
    listed = {}
    for parameter in cell["parameters"]:
        words = parameter["shape"].replace("3H", "3·H").split(" × ")
        listed[parameter["name"]] = tuple(
            math.prod(sizes.get(factor) or int(factor) for factor in word.split("·"))
            for word in words
        )
    assert listed == dict(shapes)


def test_a_cells_options_have_bounds_and_defaults() -> None:
    cell = next(entry for entry in CATALOG["cells"] if entry["name"] == "residual")
    alpha = cell["options"]["properties"]["alpha"]
    assert (alpha["exclusiveMinimum"], alpha["default"]) == (0, 0.1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activations_curve_keeps_what_is_said_of_it(name: str) -> None:
    entry = next(entry for entry in CATALOG["activations"] if entry["name"] == name)
    a, value, slope = (np.array(entry["curve"][key]) for key in ("a", "value", "slope"))
    assert slope.max() <= entry["gamma"]
    assert slope.min() >= entry["slope_range"][0]
    # Differences over 0.2 stray from the slope by 0.1²/6 of the third derivative, at most
    # 6 (softsign's beside zero), kinks aside.
    middle = (value[2:] - value[:-2]) / (a[2:] - a[:-2])
    smooth = (np.abs(a[1:-1]) > 0.05) & (np.abs(np.abs(a[1:-1]) - 1) > 0.05)
    np.testing.assert_allclose(middle[smooth], slope[1:-1][smooth], atol=1e-2)


def test_statistics_say_axes_scale_and_how_to_read_them() -> None:
    for entry in CATALOG["statistics"]:
        assert entry["axes"][0] == "step"
        assert entry["scale"] in {"log10", "ln", "plain", "counts"}
        assert entry["meaning"]
        assert entry["how_to_read"]


METHODS = ("tasks", "initializers", "optimizers", "schedules", "clippings", "regularizers")


@pytest.mark.parametrize("section", METHODS)
def test_every_method_says_what_it_computes_and_where_that_is_from(section: str) -> None:
    for entry in CATALOG[section]:
        assert entry["formula"], entry["name"]
        assert entry["source"], entry["name"]
        properties = entry["options"]["properties"]
        # What has no default has to be given: the kind alone.
        assert [name for name, field in properties.items() if "default" not in field] == []


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_described_before_anything_runs(name: str) -> None:
    config = {"task": {"kind": name}, "model": {"cell": "gru"}}
    facts: Json = describe_task(config, uploaded(name))
    listed = next(entry for entry in CATALOG["tasks"] if entry["name"] == name)["facts"]
    assert (listed is None) == (name in READING)
    assert {key: facts[key] for key in listed or ()} == (listed or {})
    assert facts["name"] == name
    way = facts["baseline"] - facts["least"]
    assert facts["solved_below"] == pytest.approx(facts["least"] + 0.1 * way)


def test_a_summed_loss_has_a_summed_baseline() -> None:
    config: Json = {
        "task": {"kind": "copy", "length": 50},
        "model": {"cell": "gru"},
        "training": {"reduction": "sum", "batch_size": 4},
    }
    facts: Json = describe_task(RunConfig.from_dict(config))
    assert facts["asked"] == 50
    assert facts["baseline"] == pytest.approx(10 * math.log(8) * 4)
