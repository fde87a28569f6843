"""Grids: what a combination is, what a changed kind drops, and what is refused where."""

from typing import Any

import pytest

from app.runs.grids import combined, read_grid
from engine import ConfigError, RunConfig

BASE: dict[str, Any] = {
    "seed": 5,
    "task": {"kind": "adding", "length": 20},
    "model": {"cell": "elman", "activation": "relu", "spectral_radius": 0.9},
    "training": {"optimizer": {"kind": "sgd", "learning_rate": 0.5, "momentum": 0.9}},
}


def test_combinations_come_with_the_last_axis_fastest() -> None:
    axes = {"model.hidden_size": [4, 8], "task.length": [10, 20]}
    grid = read_grid({"base": BASE, "axes": axes, "repeats": 3}, most=12)
    assert [tuple(values.values()) for _, values in grid.combinations()] == [
        (4, 10),
        (4, 20),
        (8, 10),
        (8, 20),
    ]
    assert grid.size == 12


def test_repeats_differ_in_their_seed_alone() -> None:
    axes = {"task.length": [10]}
    grid = read_grid({"base": BASE, "axes": axes, "repeats": 3}, most=12)
    configs = grid.configurations({"task.length": 10})
    assert [config["seed"] for config in configs] == [5, 6, 7]
    assert len({str({**config, "seed": 0, "name": ""}) for config in configs}) == 1
    assert [config["name"] for config in configs] == [f"length 10, seed {n}" for n in (5, 6, 7)]


def test_the_complete_configuration_is_the_base_with_the_values_in_their_places() -> None:
    grid = read_grid({"base": BASE, "axes": {"task.length": [10]}}, most=1)
    (config,) = grid.configurations({"task.length": 10})
    wanted = {**BASE, "task": {"kind": "adding", "length": 10}, "name": "length 10"}
    assert config == RunConfig.from_dict(wanted).to_dict()


@pytest.mark.parametrize(
    ("values", "place", "left"),
    [
        (
            {"training.optimizer.kind": "adam"},
            ("training", "optimizer"),
            {"kind": "adam", "learning_rate": 0.5},
        ),
        (
            {"training.optimizer": {"kind": "adam"}},
            ("training", "optimizer"),
            {"kind": "adam"},
        ),
        ({"model.cell": "lstm"}, ("model",), {"cell": "lstm", "spectral_radius": 0.9}),
        ({"model.cell": "min_gru"}, ("model",), {"cell": "min_gru"}),
    ],
)
def test_a_changed_kind_drops_the_keys_it_lacks_and_no_other(
    values: dict[str, Any], place: tuple[str, ...], left: dict[str, Any]
) -> None:
    found: Any = combined(BASE, values)
    for key in place:
        found = found[key]
    assert found == left


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"model.cell": "lstm", "model.activation": "tanh"}, "/model/activation"),
        ({"task.kind": "digits"}, "/task/length"),  # it has one, of another value
        ({"model.activaton": "tanh"}, "/model/activaton"),
        ({"training.optimizer.learning_rate": -1}, "/training/optimizer/learning_rate"),
        ({"model.activation.slope": 0.1}, "/model/activation/slope"),
    ],
)
def test_what_an_axis_gives_and_what_a_kind_has_is_never_dropped(
    values: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        combined(BASE, values)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_an_inner_axis_is_put_into_what_an_outer_one_gives() -> None:
    values = {"training.optimizer.learning_rate": 0.25, "training.optimizer": {"kind": "adam"}}
    assert combined(BASE, values)["training"] == {
        "optimizer": {"kind": "adam", "learning_rate": 0.25}
    }


def test_what_an_axis_gives_may_be_missing_from_the_base() -> None:
    grid = read_grid({"base": {"task": BASE["task"]}, "axes": {"model.cell": ["gru"]}}, most=1)
    assert grid.configurations({"model.cell": "gru"})[0]["model"]["cell"] == "gru"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"base": BASE, "axes": {}}, ["/axes"]),
        ({"base": BASE, "axes": [1]}, ["/axes"]),
        ({"base": BASE, "axes": {"seed": 3}}, ["/axes/seed"]),
        ({"base": BASE, "axes": {"a/b": []}}, ["/axes/a~1b"]),
        ({"base": BASE, "axes": {"seed": [3, 4, 3]}}, ["/axes/seed/2"]),
        ({"base": BASE, "axes": {"name": ["x"]}}, ["/axes/name"]),
        ({"base": BASE, "axes": {"seed": [1, 2]}, "repeats": 2}, ["/repeats"]),
        ({"base": BASE, "axes": {"task.length": [9]}, "repeats": True}, ["/repeats"]),
        ({"base": BASE, "axes": {"task.length": [9]}, "repeats": 1.5}, ["/repeats"]),
        ({"base": 3, "axes": {"task.length": [9]}}, ["/base"]),
        ({"base": {**BASE, "seeds": 3}, "axes": {"task.length": [9]}}, ["/base/seeds"]),
        ({"base": BASE, "axes": {"task.length": [9, 10]}, "repeats": 7}, ["/axes"]),
    ],
)
def test_what_is_no_grid_is_refused_at_its_place(body: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        read_grid(body, most=13)
    assert [problem.pointer for problem in refused.value.problems] == pointers
