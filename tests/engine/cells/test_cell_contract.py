"""Every cell keeps its protocol: one body, all cells."""

import numpy as np
import pytest

from engine.activations import ACTIVATIONS
from engine.bptt.blocks import BlockViews, Rows
from engine.cells import CELLS, Cell, make_cell
from engine.errors import ConfigError, UnknownNameError

H, B, STEPS = 3, 2, 5

EVERY_CELL = [
    (name, activation)
    for name, definition in CELLS.items()
    for activation in (ACTIVATIONS if definition.activation_choice else (None,))
]

every_cell = pytest.mark.parametrize(("name", "activation"), EVERY_CELL)


class Bench:
    """One cell with arrays of its own: random gates, slopes and adjoints."""

    def __init__(self, cell: Cell, rng: np.random.Generator, front: tuple[int, ...] = ()) -> None:
        self.cell, self.front = cell, front
        self.slope_rows = Rows(dict.fromkeys(cell.slopes, H))
        self.delta_rows = Rows(dict.fromkeys(cell.deltas, H))
        self.adjoint_rows = Rows(dict.fromkeys(cell.read_states, H))
        self.slopes = rng.normal(size=(self.slope_rows.total, B))

    def back(
        self, incoming: np.ndarray, carried: np.ndarray, deltas: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the deltas that all stages make; what returns within the step is `incoming`'s."""
        if deltas is None:
            deltas = np.zeros((*self.front, self.delta_rows.total, B))
        into = BlockViews((self.adjoint_rows, incoming), (self.delta_rows, carried))
        own = BlockViews((self.delta_rows, deltas))
        slopes = BlockViews((self.slope_rows, self.slopes))
        for stage in reversed(self.cell.stages):
            stage.step_back(stage.local_views(slopes), stage.adjoint_views(into, own))
        return deltas

    def random(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return incoming and carried adjoints."""
        carried = rng.normal(size=(*self.front, self.delta_rows.total, B))
        return rng.normal(size=(*self.front, self.adjoint_rows.total, B)), carried


@pytest.mark.parametrize("name", CELLS)
def test_a_cells_key_is_its_name(name: str) -> None:
    assert CELLS[name].name == name
    assert make_cell(name).name == name


@every_cell
def test_the_way_back_is_linear_in_the_adjoints(
    name: str, activation: str | None, rng: np.random.Generator
) -> None:
    bench = Bench(make_cell(name, activation), rng)
    (u, c), (v, d) = bench.random(rng), bench.random(rng)
    joined = bench.back(2.5 * u - v, 2.5 * c - d)
    np.testing.assert_allclose(joined, 2.5 * bench.back(u, c) - bench.back(v, d), atol=1e-13)


@every_cell
def test_a_stack_of_adjoints_is_each_adjoint_by_itself(
    name: str, activation: str | None, rng: np.random.Generator
) -> None:
    bench = Bench(make_cell(name, activation), rng, front=(4,))
    incoming, carried = bench.random(rng)
    stacked = bench.back(incoming, carried)
    bench.front = ()
    for m in range(4):
        np.testing.assert_array_equal(stacked[m], bench.back(incoming[m], carried[m]))


@every_cell
def test_the_carried_adjoint_may_lie_where_the_deltas_go(
    name: str, activation: str | None, rng: np.random.Generator
) -> None:
    bench = Bench(make_cell(name, activation), rng)
    incoming, carried = bench.random(rng)
    apart = bench.back(incoming, carried)
    deltas = carried.copy()
    bench.back(incoming, deltas, deltas)
    np.testing.assert_array_equal(deltas, apart)


def test_an_unknown_cell_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown cell 'grru'; known: elman, preactivation"):
        make_cell("grru")


def test_a_cell_that_fixes_its_activation_takes_none() -> None:
    with pytest.raises(ConfigError, match="'lstm' fixes its activation"):
        make_cell("lstm", "relu")


def test_an_option_that_a_cell_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match='/reset: unknown key "reset"; known: none'):
        make_cell("elman", options={"reset": "after"})


def test_an_option_outside_its_range_is_refused_at_its_place() -> None:
    with pytest.raises(ConfigError, match="/alpha: expected a finite number above 0 and below 1"):
        make_cell("leaky", options={"alpha": 1.0})
