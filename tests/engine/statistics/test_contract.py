"""Every statistic keeps the contract: name, axes, explanation, range, and honest exact cases."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.bptt.observation import Observation
from engine.cells import CELLS
from engine.statistics import STATISTICS, AxisFacts, StatisticDefinition
from engine.statistics.base import SECTIONS, section
from engine.statistics.sampling import loss_times

Observe = Callable[..., Observation]

ALL = pytest.mark.parametrize("definition", STATISTICS.values(), ids=list(STATISTICS))
COMPUTED = [d for d in STATISTICS.values() if d.compute is not None]
PARTS = [part for part in SECTIONS if part != "Cost"]
OBSERVED: dict[tuple[str, int], Observation] = {}
TESTS = Path(__file__).parents[1]


@ALL
def test_key_is_the_name_and_the_module(definition: StatisticDefinition) -> None:
    assert STATISTICS[definition.name] is definition
    module = __import__(f"engine.statistics.{definition.name}", fromlist=["STATISTIC"])
    assert module.STATISTIC is definition


@ALL
@pytest.mark.parametrize("part", PARTS)
def test_docstring_has_every_part(definition: StatisticDefinition, part: str) -> None:
    assert section(definition.doc, part)


@ALL
def test_docstring_names_the_axes_and_the_scale(definition: StatisticDefinition) -> None:
    axes = section(definition.doc, "Axes").partition(".")[0]
    named = [re.split(r" \(", axis.strip())[0] for axis in re.sub(r"\(.*?\)", "", axes).split(",")]
    assert tuple(axis.strip() for axis in named) == definition.axes
    assert section(definition.doc, "Scale").rstrip(".") == definition.scale


@ALL
def test_exact_cases_name_tests_that_exist(definition: StatisticDefinition) -> None:
    named = re.findall(r"\btest_\w+", section(definition.doc, "Exact cases"))
    written = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    assert named
    assert not [name for name in named if f"def {name}(" not in written]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("definition", COMPUTED, ids=lambda d: d.name)
def test_shape_is_that_of_the_coordinates(
    observe: Observe, definition: StatisticDefinition, cell: str, layers: int
) -> None:
    assert definition.compute is not None
    if (cell, layers) not in OBSERVED:  # one for all statistics: binding costs more than they do
        OBSERVED[cell, layers] = observe(cell, layers=layers, hidden=5, length=6, asked=(3, 6))
    seen = OBSERVED[cell, layers]
    facts = AxisFacts(
        layers=tuple(range(layers)),
        length=6,
        hidden_size=5,
        gates=seen.cell.gates,
        parameters=tuple(seen.network.parameter_shapes),
        asked_times=(3, 6),
        gamma=seen.cell.activation.gamma,
        state_size=len(seen.cell.state_names) * 5,
    )
    coordinates = definition.coordinates(facts)
    assert tuple(coordinates) == definition.axes[1:]
    shape = tuple(len(coordinates[axis]) for axis in definition.axes[1:])
    assert definition.compute(seen).shape == shape


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scale=st.sampled_from([1e-8, 1e-2, 1.0, 3.0, 1e3]), length=st.integers(1, 40))
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "identity"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_stand_in_their_stated_ranges(
    observe: Observe, activation: str, dtype: str, scale: float, length: int
) -> None:
    rng = np.random.default_rng(length)
    weights = {"weight_hh_l1": scale * rng.normal(size=(6, 6))}
    seen = observe(
        activation=activation, length=length, hidden=6, layers=2, weights=weights, dtype=dtype
    )
    assume(np.isfinite(seen.loss))  # beyond it NaN is the truth
    gamma = seen.cell.activation.gamma
    with np.errstate(over="ignore", invalid="ignore"):
        found = {d.name: np.asarray(d.compute(seen)) for d in COMPUTED if d.compute}
    slopes, saturation = found["activation_slope"], found["saturation"]
    # float32 rounds the product of the sigmoid's slope, a unit above γ at most.
    assert ((slopes >= 0) & (slopes <= gamma * (1 + 1e-6))).all()
    assert (np.isnan(saturation) | ((saturation >= 0) & (saturation <= 1))).all()
    assert (found["activation_slope_histogram"].sum(axis=-1) == 3 * 6).all()
    assert (found["activation_slope_histogram"] >= 0).all()
    assert (found["weight_geometry"] >= 0).all()
    assert not np.isnan(found["hidden_gradient"]).any()
    undefined = np.triu(np.ones((length, length), dtype=bool), k=1)
    assert (np.isnan(found["loss_state_gradient"]) == undefined).all()


@pytest.mark.parametrize("length", [1, 256])
def test_every_time_has_a_loss_row_up_to_256_steps(length: int) -> None:
    assert loss_times(length, (length,)) == tuple(range(1, length + 1))


@pytest.mark.parametrize("asked", [65, 100, 257, 10_000])
def test_sampled_loss_times_keep_the_first_and_the_last(asked: int) -> None:
    times = loss_times(20_000, range(11, 11 + asked))
    assert (times[0], times[-1], len(set(times))) == (11, 10 + asked, 64)
    assert list(times) == sorted(times)
