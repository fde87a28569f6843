"""What a sweep promises beside the right gradient: ranges, layout, repeatability."""

import tracemalloc

import numpy as np
import pytest

import engine
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK
from engine.cells import CELLS, make_cell
from engine.errors import ShapeError, UnknownNameError
from engine.tasks.base import Batch


def random_weights(network: Network, rng: np.random.Generator, scale: float = 0.5) -> Network:
    """Fill a network with weights that are all different."""
    weights = {n: scale * rng.normal(size=s) for n, s in network.parameter_shapes.items()}
    for name, value in weights.items():
        if name.startswith("bias_hh"):
            value[: 2 * network.hidden] = 0
    network.load(weights)
    return network


def make(
    name: str, rng: np.random.Generator, activation: str | None = None, **sizes: object
) -> Network:
    """Return a small network."""
    shape: dict[str, object] = {"inputs": 2, "hidden": 4, "outputs": 3, "dtype": np.float64}
    return random_weights(Network(make_cell(name, activation), **{**shape, **sizes}), rng)  # type: ignore[arg-type]  # sizes by name


def classes(rng: np.random.Generator, length: int, batch: int, *, last: bool = False) -> Batch:
    """Return random inputs with random classes."""
    mask = np.ones((length, batch), bool)
    mask[: length - 1 if last else 0] = False
    return Batch(rng.normal(size=(length, batch, 2)), rng.integers(0, 3, (length, batch)), mask)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_the_loss_state_vectors_sum_to_the_adjoint(
    name: str, layers: int, rng: np.random.Generator
) -> None:

    network = make(name, rng, layers=layers)
    batch = classes(rng, 2 * CHUNK + 3, 3)
    trace = engine.trace(name, network.parameters(), batch.inputs, targets=batch.targets)
    whole = np.nansum(trace.loss_state_gradients(), axis=1)
    np.testing.assert_allclose(whole, trace.hidden_gradient.array(), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_the_path_terms_sum_to_every_parameters_gradient(
    name: str, layers: int, rng: np.random.Generator
) -> None:

    network = make(name, rng, layers=layers)
    batch = classes(rng, 9, 3)
    trace = engine.trace(name, network.parameters(), batch.inputs, targets=batch.targets)
    for parameter, gradient in trace.parameter_gradients.items():
        terms = trace.path_terms(parameter).sum(axis=(0, 1))
        if network.cell.weight_map is not None and parameter.startswith("weight_hh"):
            # The terms are of W_h; the map's way back makes the parameter's gradient of their sum.
            terms = network.cell.weight_map(network.parameters()[parameter]).pull_back(terms)
        if parameter.startswith("bias_hh"):
            gradient = np.where(terms == 0, terms, gradient)
        np.testing.assert_allclose(terms, gradient, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_float32_training_has_the_gradients_of_float64(
    name: str, last: bool, rng: np.random.Generator
) -> None:
    exact = make(name, rng)
    rough = Network(exact.cell, inputs=2, hidden=4, outputs=3, dtype=np.float32)
    rough.load(exact.parameters())
    batch = classes(rng, 40, 5, last=last)
    for network in (exact, rough):
        sweep = Sweep(network, length=40, batch=5)
        sweep.forward(batch, "cross_entropy")
        sweep.backward()
    for parameter, gradient in exact.gradients().items():
        error = np.abs(rough.gradients()[parameter] - gradient).max()
        assert error <= 1e-5 * np.abs(gradient).max()  # 100 units of float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_vanishing_norms_stay_finite_over_a_thousand_steps(
    activation: str, dtype: type, rng: np.random.Generator
) -> None:
    network = make("elman", rng, activation, dtype=dtype)
    network.flat *= 0.3
    network.prepare()
    observation = Observation(network, classes(rng, 1000, 3, last=True), "cross_entropy")
    norms = observation.log10_hidden_norms
    assert np.isfinite(norms).all()
    assert norms[0, 0].max() < -400


@pytest.mark.parametrize("weight", [0.02, 0.5, 1.0, 3.0, 90.0])
def test_a_scalar_linear_chain_has_the_power_of_its_weight(weight: float) -> None:
    T = 300
    network = Network(make_cell("elman", "identity"), inputs=1, hidden=1, outputs=1, bias=False)
    network.load(
        {
            "weight_ih_l0": np.ones((1, 1)),
            "weight_hh_l0": np.full((1, 1), weight),
            "readout.weight": np.ones((1, 1)),
        }
    )
    mask = np.zeros((T, 2), bool)
    mask[-1] = True
    # Zero inputs: the state stays 0, so the error at T is the target's and nothing overflows.
    batch = Batch(np.zeros((T, 2, 1)), np.ones((T, 2, 1)), mask)
    norms = Observation(network, batch, "mean_squared_error").log10_hidden_norms[0]
    powers = np.arange(T - 1, -1, -1) * np.log10(np.float32(weight))
    np.testing.assert_allclose(norms, powers[:, None] + norms[-1], rtol=2e-6, atol=1e-7)


def test_an_orthogonal_linear_network_has_constant_norms_at_ten_thousand_steps(
    rng: np.random.Generator,
) -> None:
    network = make("elman", rng, "identity", bias=False)
    weights = network.parameters()
    weights["weight_hh_l0"] = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    network.load(weights)
    norms = Observation(network, classes(rng, 10_000, 2, last=True), "cross_entropy")
    spread = np.ptp(norms.log10_hidden_norms, axis=1)
    assert spread.max() < 1e-10  # 10,000 roundings of 1e-16, and their sum


def test_a_sample_that_is_not_asked_has_exactly_no_gradient(rng: np.random.Generator) -> None:
    batch = classes(rng, 20, 3)
    batch.mask[:, 1] = False
    norms = Observation(make("lstm", rng), batch, "cross_entropy").log10_hidden_norms
    assert np.isneginf(norms[:, :, 1]).all()
    assert np.isfinite(norms[:, :, [0, 2]]).all()


def test_after_the_last_asked_step_there_is_no_gradient(rng: np.random.Generator) -> None:
    batch = classes(rng, 40, 3)
    batch.mask[21:] = False
    observation = Observation(make("gru", rng, layers=2), batch, "cross_entropy")
    assert np.isneginf(observation.log10_hidden_norms[:, 21:]).all()
    assert np.isfinite(observation.log10_hidden_norms[:, :21]).all()
    assert np.isneginf(observation.log10_immediate_norms[-1, 21:]).all()


def test_a_loss_that_joins_a_vanished_gradient_loses_neither(rng: np.random.Generator) -> None:
    network = make("elman", rng, "sigmoid", dtype=np.float32)
    network.flat *= 0.3
    network.prepare()
    batch = classes(rng, 400, 2, last=True)
    batch.mask[49] = True
    norms = Observation(network, batch, "cross_entropy").log10_hidden_norms[0]
    alone = classes(rng, 400, 2, last=True)
    late = Observation(network, Batch(batch.inputs, batch.targets, alone.mask), "cross_entropy")
    np.testing.assert_allclose(
        norms[50:], late.log10_hidden_norms[0, 50:] + np.log10(0.5), rtol=1e-5
    )
    assert norms[50].max() < -200 < -5 < norms[49].min()


def test_the_same_sweep_twice_gives_the_same_bits(rng: np.random.Generator) -> None:
    network = make("lstm", rng, layers=2, dtype=np.float32)
    batch = classes(rng, 50, 4)
    sweep = Sweep(network, length=50, batch=4)
    found = []
    for _ in range(2):
        sweep.forward(batch, "cross_entropy")
        sweep.backward()
        found.append(network.gradient.copy())
    np.testing.assert_array_equal(found[0], found[1])


def test_looking_leaves_the_gradient_of_the_training_step(rng: np.random.Generator) -> None:
    network = make("gru", rng)
    network.gradient[...] = rng.normal(size=network.gradient.shape)
    before = network.gradient.copy()
    observation = Observation(network, classes(rng, 20, 2), "cross_entropy")
    assert np.isfinite(observation.loss_state()[0, -1]).all()
    np.testing.assert_array_equal(network.gradient, before)


def test_a_statistic_of_a_trace_is_computed_once(rng: np.random.Generator) -> None:
    parameters = make("gru", rng).parameters()
    batch = classes(rng, 5, 2)
    trace = engine.trace(
        "gru", parameters, batch.inputs, targets=batch.targets, statistics=["saturation"]
    )
    assert trace.statistic("saturation") is trace.statistic("saturation")
    with pytest.raises(UnknownNameError, match=r"known: .*saturation"):
        trace.statistic("learning_rate")


def test_exploding_states_pass_through_as_what_they_are(rng: np.random.Generator) -> None:
    network = make("elman", rng, "identity", dtype=np.float32)
    network.flat *= 40
    network.prepare()
    observation = Observation(network, classes(rng, 200, 3), "cross_entropy")
    assert not np.isfinite(observation.loss)
    assert not np.isfinite(observation.log10_hidden_norms).all()


def test_public_parameters_come_back_as_they_were_loaded(rng: np.random.Generator) -> None:
    network = make("gru", rng, layers=2)
    weights = network.parameters()
    other = Network(network.cell, inputs=2, hidden=4, layers=2, outputs=3, dtype=np.float64)
    other.load(weights)
    for name, value in other.parameters().items():
        np.testing.assert_array_equal(value, weights[name])


def test_a_parameter_of_another_shape_is_refused_by_name(rng: np.random.Generator) -> None:
    network = make("lstm", rng)
    weights = network.parameters()
    weights["weight_hh_l0"] = weights["weight_hh_l0"].T
    with pytest.raises(ShapeError, match=r"weight_hh_l0: expected shape \(16, 4\), got \(4, 16\)"):
        network.load(weights)


def test_inputs_without_a_batch_axis_are_refused_with_the_axes_names() -> None:
    with pytest.raises(ShapeError, match=r"inputs: expected shape \(T, B, D\), .* got \(5, 2\)"):
        engine.trace("elman", {}, np.zeros((5, 2)))


def test_an_unknown_parameter_is_refused_with_the_known_ones(rng: np.random.Generator) -> None:
    network = make("elman", rng)
    with pytest.raises(UnknownNameError, match="unknown parameter 'W'; known: weight_ih_l0"):
        network.load({**network.parameters(), "W": np.zeros(1)})


def test_no_array_is_made_inside_the_time_loop(rng: np.random.Generator) -> None:

    network = make("lstm", rng, dtype=np.float32, hidden=32)
    batch = classes(rng, 300, 16)
    sweep = Sweep(network, length=300, batch=16)
    sweep.forward(batch, "cross_entropy")
    sweep.backward()
    program = sweep.tapes[0].forward_program
    tracemalloc.start()
    for function, arguments in program:
        function(*arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 32 * 16  # less than one block of one step


def test_a_trace_tells_the_statistics_of_its_loss(rng: np.random.Generator) -> None:
    network = make("gru", rng)
    batch = classes(rng, 12, 3)
    trace = engine.trace("gru", network.parameters(), batch.inputs, targets=batch.targets)
    norms = [np.linalg.norm(g) for g in trace.parameter_gradients.values()]
    assert trace.statistic("loss") == trace.loss
    assert 0 <= trace.statistic("accuracy") <= 1
    np.testing.assert_allclose(trace.statistic("parameter_gradient_norm"), np.log10(norms))
    np.testing.assert_allclose(
        10 ** trace.statistic("gradient_norm"), np.linalg.norm(norms), rtol=1e-12
    )
    with pytest.raises(UnknownNameError, match="statistic of a sweep 'clip_factor'; known: loss"):
        trace.statistic("clip_factor")
