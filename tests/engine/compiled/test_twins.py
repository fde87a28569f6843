"""Compiled loops do what the cells' own functions do."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import engine
from engine.arrays import Array
from engine.bptt.exponents import NONE, log10_mean_norms
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.bptt.slope_counts import slope_counts
from engine.bptt.sources import Arriving, Source
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK
from engine.cells import make_cell
from engine.compiled import twin_of
from engine.statistics.saturation import compute as saturation_of
from engine.tasks.base import Batch
from tests.engine.against import MATRIX, ODD, problem_of, state_parts, trace
from tests.engine.compiled.conftest import Both
from tests.engine.compiled.random_networks import random_network
from tests.reference.problems import Recipe, relative_difference

TWINS: tuple[tuple[str, str | None], ...] = (
    ("elman", "tanh"),
    ("elman", "sigmoid"),
    ("elman", "relu"),
    ("elman", "identity"),
    ("lstm", None),
    ("gru", None),
)
"""The cells that have one, as a list of its own: a twin that is lost fails here."""

ROUNDING = {np.dtype(np.float64): 1e-13, np.dtype(np.float32): 2e-5}
"""Two orders of summation apart; in float32 with a tanh of 3e-7, over some tens of steps."""

LONG = 2 * CHUNK + 3
TWICE = CHUNK // 2


def swept(
    model: tuple[str, str | None],
    dtype: str,
    *,
    layers: int = 1,
    asked: str = "every",
    gain: float = 0.4,
) -> dict[str, Any]:
    """Return loss, gradients and norms of a sweep over more than two chunks."""
    sweep = ready(model, dtype, layers=layers, asked=asked, gain=gain)
    sweep.backward()
    return {
        "loss": np.array(sweep.loss.value),
        "gradient": sweep.network.gradient.copy(),
        "norms": sweep.log10_hidden_norms.copy(),
        "states": np.stack([tape.outputs for tape in sweep.tapes]),
    }


def ready(
    model: tuple[str, str | None], dtype: str, *, layers: int = 1, asked: str, gain: float
) -> Sweep:
    """Return a sweep over more than two chunks that has come to its end."""
    rng = np.random.default_rng(7)
    network = Network(make_cell(*model), inputs=3, hidden=20, layers=layers, outputs=2, dtype=dtype)
    parameters = {
        name: (gain * rng.normal(size=shape)).astype(dtype)
        for name, shape in network.parameter_shapes.items()
    }
    for name, values in parameters.items():
        if name.startswith("bias_hh"):
            values[:40] = 0  # the GRU has a second bias for its candidate alone
    network.load(parameters)
    mask = np.ones((LONG, 6), bool)
    if asked == "last":
        mask[:-1] = False
    elif asked == "some":
        mask[::3] = False
    elif asked == "twice":
        mask[:-1] = False
        mask[TWICE] = True
    batch = Batch(
        rng.normal(size=(LONG, 6, 3)).astype(dtype),
        rng.normal(size=(LONG, 6, 2)).astype(dtype),
        mask,
    )
    sweep = Sweep(network, length=LONG, batch=6)
    sweep.forward(batch, "mean_squared_error")
    return sweep


@pytest.mark.parametrize("model", TWINS, ids=str)
def test_a_cell_has_its_twin(model: tuple[str, str | None]) -> None:
    assert twin_of(make_cell(*model)) is not None


@pytest.mark.parametrize(
    ("name", "activation", "options"),
    [("elman", "leaky_relu", None), ("gru", None, {"reset": "before"}), ("mgu", None, None)],
    ids=str,
)
def test_a_cell_of_another_layout_has_none(
    name: str, activation: str | None, options: dict[str, object] | None
) -> None:
    assert twin_of(make_cell(name, activation, options)) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("asked", ["last", "some", "every"])
@pytest.mark.parametrize("gain", [0.02, 0.2, 0.4], ids=["vanishing", "ordinary", "growing"])
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_both_backends_find_the_same(
    model: tuple[str, str | None], gain: float, asked: str, layers: int, dtype: str, both: Both
) -> None:
    plain, compiled = both(lambda: swept(model, dtype, layers=layers, asked=asked, gain=gain))
    close = ROUNDING[np.dtype(dtype)]
    assert relative_difference(compiled["loss"], plain["loss"]) <= close
    assert relative_difference(compiled["states"], plain["states"]) <= close
    assert relative_difference(compiled["gradient"], plain["gradient"]) <= close
    np.testing.assert_allclose(compiled["norms"], plain["norms"], atol=close)


@pytest.mark.parametrize(
    "recipe", [r for r in MATRIX + ODD if (r.cell, r.activation) in TWINS], ids=str
)
def test_every_traced_problem_has_the_same_gradients(recipe: Recipe, both: Both) -> None:
    problem = problem_of(recipe)
    plain, compiled = both(lambda: trace(problem))
    close = ROUNDING[np.dtype(np.float64)]
    for name, gradient in plain.parameter_gradients.items():
        assert relative_difference(compiled.parameter_gradients[name], gradient) <= close, name
    states = (found.initial_state_gradient for found in (plain, compiled))
    theirs, finals = (state_parts(problem, state) for state in states)
    for name, state in theirs.items():
        assert relative_difference(finals[name], state) <= close, name
    assert relative_difference(compiled.input_gradients, plain.input_gradients) <= close


def training(steps: int) -> list[float]:
    config = engine.RunConfig.from_dict(
        {
            "name": "twin",
            "seed": 3,
            "task": {"kind": "adding", "length": 30},
            "model": {"cell": "lstm", "hidden_size": 16},
            "training": {"steps": steps},
        }
    )
    return [snapshot.loss for snapshot in engine.train(config) if snapshot.loss is not None]


def test_a_compiled_training_repeats_its_bits() -> None:
    assert training(12) == training(12)


def test_both_backends_train_to_the_same_losses(both: Both) -> None:
    plain, compiled = both(lambda: training(12))
    np.testing.assert_allclose(compiled, plain, rtol=ROUNDING[np.dtype(np.float32)])


@pytest.mark.parametrize("batch", [1, 19])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_products_made_row_by_row_leave_the_bits_of_products_made_before(
    model: tuple[str, str | None], dtype: str, batch: int
) -> None:
    rng = np.random.default_rng(7)
    network = random_network(model, rng, hidden=12, gain=0.3, dtype=dtype, outputs=1)
    sweep = Sweep(network, length=LONG, batch=batch)
    inputs, targets = (rng.normal(size=(LONG, batch, width)) for width in (3, 1))
    sweep.forward(Batch(inputs, targets, np.ones((LONG, batch), bool)), "mean_squared_error")
    sweep.backward()
    layer, source = sweep.backward_layers[0], sweep.top_source
    row_by_row = layer.adjoints.copy()
    assert source.arriving.weight is not None
    before = Arriving(source.arriving.all(), source.arriving.where)
    sweep.back_from(Source(before))
    np.testing.assert_array_equal(layer.adjoints, row_by_row)
    for t, row in enumerate(source.rows):
        if row is not None:
            np.testing.assert_array_equal(source.at(t), row)


def test_what_is_not_a_number_stays_so(both: Both) -> None:
    def states() -> NDArray[np.bool_]:
        network = Network(make_cell("lstm"), inputs=1, hidden=4, outputs=0)
        network.flat.fill(1)
        network.prepare()
        sweep = Sweep(network, length=3, batch=2)
        inputs = np.ones((3, 2, 1), np.float32)
        inputs[1, 0] = np.nan
        sweep.unroll(inputs)
        return np.isnan(sweep.tapes[0].outputs)

    plain, compiled = both(states)
    np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counting_agrees_at_the_edges_of_the_bins(dtype: str) -> None:
    rng = np.random.default_rng(5)
    tape = Sweep(
        Network(make_cell("elman", "tanh"), inputs=1, hidden=4, outputs=1, dtype=dtype),
        length=6,
        batch=30,
    ).tapes[0]
    slopes = rng.uniform(-0.1, 1.1, (1, 6, 4, 30)).astype(dtype)
    slopes[0, :3, :, :20] = (rng.integers(0, 41, (3, 4, 20)) / 40).astype(dtype)
    slopes[0, 4, 2, 3:7], slopes[0, 5, 0, 0] = np.nan, np.inf
    seen = slopes.swapaxes(2, 3)
    assert tape.compiled is not None
    compiled = slope_counts(tape, seen, 40)
    tape.compiled = None
    np.testing.assert_array_equal(compiled, slope_counts(tape, seen, 40))
    np.testing.assert_array_equal(compiled.sum(axis=-1), [[120, 120, 120, 120, 116, 120]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counting_what_is_not_steep_agrees_at_the_edges(dtype: str) -> None:
    tape = Sweep(
        Network(make_cell("elman", "tanh"), inputs=1, hidden=4, outputs=1, dtype=dtype),
        length=5,
        batch=3,
    ).tapes[0]
    low, high = tape.saturated.bounds
    beyond = np.nextafter(np.array([low, high], dtype), np.array([-1, 1], dtype))
    states = tape.outputs[1:]
    states[0], states[1], states[2], states[3, 1] = low, high, beyond[1], beyond[0]
    states[4, 2, 1] = np.nan
    assert tape.compiled is not None
    compiled = tape.saturated.shares.copy()
    tape.compiled = None
    np.testing.assert_array_equal(compiled, tape.saturated.shares)
    np.testing.assert_array_equal(compiled, [0, 0, 1, 0.25, np.nan])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_both_backends_find_the_same_units_saturated(
    model: tuple[str, str | None], dtype: str, both: Both
) -> None:
    def saturation() -> Array:
        found = []
        for gain in (0.1, 3.0):
            found.append(saturation_of(swept_observation(model, dtype, gain)))
        return np.array(found)

    plain, compiled = both(saturation)
    # A value within a rounding of where φ is no longer steep may stand on either side of it.
    np.testing.assert_allclose(compiled, plain, rtol=0, atol=1.1 / (20 * 6))
    if model[1] != "identity":
        assert plain.max() > 0.2


def swept_observation(model: tuple[str, str | None], dtype: str, gain: float) -> Observation:
    rng = np.random.default_rng(7)
    network = random_network(model, rng, hidden=20, gain=gain, dtype=dtype)
    shape = LONG, 6
    inputs, targets = (rng.normal(size=(*shape, width)).astype(dtype) for width in (3, 2))
    batch = Batch(inputs, targets, np.ones(shape, bool))
    return Observation(network, batch, "mean_squared_error")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_means_of_norms_are_those_of_the_plain_path(dtype: str, both: Both) -> None:
    rng = np.random.default_rng(11)
    squares = rng.uniform(0.1, 4, (9, 30)).astype(dtype)
    exponents = rng.integers(-3000, 3000, (9, 30)).astype(np.int32)
    exponents[0] = -40
    squares[1:3, 5:], squares[3], exponents[4, :3] = 0, 0, NONE
    squares[4, :3], squares[5, 0], squares[6, 0] = 0, np.nan, np.inf
    exponents[5:7] = 7
    plain, compiled = both(lambda: log10_mean_norms(squares, exponents))
    np.testing.assert_array_equal(np.isfinite(plain), np.isfinite(compiled))
    np.testing.assert_allclose(compiled, plain, rtol=2e-7 if dtype == "float32" else 1e-14)
    np.testing.assert_array_equal(plain[[3, 5, 6]], [-np.inf, np.nan, np.inf])
