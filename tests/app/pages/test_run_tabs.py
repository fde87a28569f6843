"""The further tabs of the run page, and what can be chosen in them."""

from typing import Any

import pytest

import engine
from app.figures import FIGURES
from app.pages.run_tabs import choosers_of, parameters_of, tabs_of

CATALOG = engine.catalog()


def config_of(**model: Any) -> dict[str, Any]:  # noqa: ANN401  # fields of a model
    """A whole configuration with this model."""
    given = {"task": {"kind": "adding", "length": 10}, "model": {"cell": "elman", **model}}
    return engine.RunConfig.from_dict(given).to_dict()


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_a_tab_of_gates_belongs_to_a_cell_with_several(cell: str) -> None:
    names = [tab.name for tab in tabs_of(config_of(cell=cell), CATALOG)]
    assert ("gates" in names) == (cell == "lstm")


def test_every_panel_is_a_figure_with_its_own_words() -> None:
    panels = [panel for tab in tabs_of(config_of(cell="lstm"), CATALOG) for panel in tab.panels]
    assert len({panel.name for panel in panels}) == len(panels)
    assert {panel.name for panel in panels} <= FIGURES.keys()


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"layers": 2},
        {"bias": False},
        {"cell": "gru"},
        {"cell": "gru", "options": {"reset": "before"}},
        {"cell": "lstm", "layers": 2},
    ],
)
def test_the_parameters_to_choose_from_are_those_that_are_recorded(model: dict[str, Any]) -> None:
    config = config_of(**model)
    recorded = engine.layouts(engine.RunConfig.from_dict(config))
    coordinates = recorded["parameter_gradient_norm"].coords["parameter"]
    assert sorted(parameters_of(config, CATALOG)) == sorted(map(str, coordinates))


def test_gates_are_offered_where_there_are_several() -> None:
    axes = {one.axis: one.options for one in choosers_of(config_of(cell="lstm"), CATALOG)}
    assert [value for value, _ in axes["gate"]] == ["i", "f", "g", "o"]
    assert "gate" not in {one.axis for one in choosers_of(config_of(), CATALOG)}


def test_the_gates_to_choose_from_are_those_that_the_options_make() -> None:
    config = config_of(cell="antisymmetric", options={"gated": True})
    gates = {one.axis: one.options for one in choosers_of(config, CATALOG)}["gate"]
    assert [value for value, _ in gates] == ["z", "h"]


def test_a_parameter_is_offered_with_its_letter_and_its_name() -> None:
    choosers = {one.axis: dict(one.options) for one in choosers_of(config_of(), CATALOG)}
    assert choosers["parameter"]["weight_hh_l0"] == "W · weight_hh_l0"
    assert choosers["parameter"]["readout.weight"] == "V · readout.weight"
