"""What the engine offers and what the references know are the same."""

from typing import Any

import pytest

import engine
from tests.reference.arithmetic import ACTIVATIONS
from tests.reference.cells import CELLS

CATALOG: Any = engine.catalog()
ENTRIES = {entry["name"]: entry for entry in CATALOG["cells"]}


def test_every_activation_has_a_reference() -> None:
    assert {entry["name"] for entry in CATALOG["activations"]} == set(ACTIVATIONS)


def test_every_cell_has_a_reference_and_every_reference_a_cell() -> None:
    assert set(ENTRIES) == set(CELLS)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_cells_options_and_their_defaults_are_the_references(name: str) -> None:
    properties = ENTRIES[name]["options"]["properties"]
    defaults = {key: option["default"] for key, option in properties.items()}
    assert defaults == dict(CELLS[name].defaults)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_cells_parameters_are_the_references(name: str) -> None:
    listed = {entry["name"] for entry in ENTRIES[name]["parameters"]}
    shapes = CELLS[name].shapes(4, 2, CELLS[name].defaults)
    assert listed - {"readout.weight", "readout.bias"} == {f"{key}_l0" for key in shapes}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_cells_activation_can_be_chosen_where_the_references_can(name: str) -> None:
    assert ENTRIES[name]["activation_choice"] == CELLS[name].choice
