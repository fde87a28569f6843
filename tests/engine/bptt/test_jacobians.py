"""Step Jacobians against the sweep itself, and the identities of what is made of them."""

import numpy as np
import pytest

import engine
from engine.arrays import Array
from engine.bptt.jacobians import Jacobians
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell

EXACT = 1e-10  # float64 rounding over a dozen steps stays four decades below
H, B, D = 3, 2, 2


def network_of(
    name: str, rng: np.random.Generator, activation: str | None = None, dtype: str = "float64"
) -> Network:
    """Return a network with weights that are all different, and no read-out."""
    network = Network(
        make_cell(name, activation), inputs=D, hidden=H, outputs=0, dtype=np.dtype(dtype)
    )
    weights = {n: 0.6 * rng.normal(size=s) for n, s in network.parameter_shapes.items()}
    for parameter, value in weights.items():
        if parameter.startswith("bias_hh"):
            value[: 2 * H] = 0
    network.load({n: w for n, w in weights.items() if n in network.parameter_shapes})
    return network


def swept(network: Network, inputs: Array) -> Jacobians:
    """Return the Jacobians of a forward sweep from zero states."""
    sweep = Sweep(network, length=len(inputs), batch=inputs.shape[1])
    sweep.unroll(inputs)
    sweep.tapes[0].bind_back()
    return Jacobians(sweep.tapes[0])


@pytest.mark.parametrize("length", [1, 2, 5, 19])
@pytest.mark.parametrize("name", CELLS)
def test_the_product_of_all_step_jacobians_is_the_sweeps_own_way_back(
    name: str, length: int, rng: np.random.Generator
) -> None:
    network, inputs = network_of(name, rng), rng.normal(size=(length, B, D))
    found = swept(network, inputs)
    product = np.eye(found.size)
    for jacobian in found.steps(range(1, length + 1)):
        product = jacobian @ product
    names = make_cell(name).state_names
    final = [rng.normal(size=(1, B, H)) for _ in names]
    parameters = {n: w for n, w in network.parameters().items() if not n.startswith("readout")}
    trace = engine.trace(
        name,
        parameters,
        inputs,
        final_state_gradients=tuple(final) if len(names) > 1 else final[0],
    )
    start = trace.initial_state_gradient
    theirs = np.concatenate([part[0] for part in (start if len(names) > 1 else [start])], axis=1)
    flat = np.concatenate([part[0] for part in final], axis=1)
    ours = np.einsum("bi,bij->bj", flat, product)
    np.testing.assert_allclose(ours, theirs, atol=EXACT * np.abs(theirs).max())


def test_the_jacobian_of_an_lstm_is_that_of_its_equations(rng: np.random.Generator) -> None:
    network, inputs = network_of("lstm", rng), rng.normal(size=(1, 1, D))
    (ours,) = swept(network, inputs).steps([1])
    weights = network.parameters()
    recurrent = weights["weight_hh_l0"].reshape(4, H, H)
    a = inputs[0, 0] @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
    i, f, o = (1 / (1 + np.exp(-a[k * H : (k + 1) * H])) for k in (0, 1, 3))
    g = np.tanh(a[2 * H : 3 * H])
    c = i * g  # from c_0 = 0
    tanh_c = np.tanh(c)
    by_h = (i * (1 - i) * g)[:, None] * recurrent[0] + (i * (1 - g**2))[:, None] * recurrent[2]
    to_h = (o * (1 - tanh_c**2))[:, None]
    output = (o * (1 - o) * tanh_c)[:, None] * recurrent[3]
    expected = np.block([[to_h * by_h + output, to_h * np.diag(f)], [by_h, np.diag(f)]])
    np.testing.assert_allclose(ours[0], expected, atol=1e-14)


def test_jacobians_of_a_sweep_in_chunks_do_not_depend_on_the_times_asked(
    rng: np.random.Generator,
) -> None:
    found = swept(network_of("gru", rng), rng.normal(size=(20, B, D)))
    every = [jacobian.copy() for jacobian in found.steps(range(1, 21))]
    for time, jacobian in zip((3, 17, 20), found.steps((3, 17, 20)), strict=True):
        np.testing.assert_array_equal(jacobian, every[time - 1])


@pytest.mark.parametrize("name", CELLS)
def test_lyapunov_exponents_sum_to_the_mean_log_determinant(
    name: str, rng: np.random.Generator
) -> None:
    length = 12
    found = swept(network_of(name, rng), rng.normal(size=(length, B, D)))
    determinants = [np.linalg.slogdet(j)[1] for j in found.steps(range(1, length + 1))]
    np.testing.assert_allclose(
        found.lyapunov().sum(axis=0), np.mean(determinants, axis=0), rtol=1e-9
    )


@pytest.mark.parametrize("name", CELLS)
def test_product_norms_are_those_of_the_products(name: str, rng: np.random.Generator) -> None:
    length = 7
    found = swept(network_of(name, rng), rng.normal(size=(length, B, D)))
    steps = [jacobian.copy() for jacobian in found.steps(range(1, length + 1))]
    product, expected = np.eye(found.size), []
    for jacobian in [np.broadcast_to(product, steps[0].shape), *steps[:0:-1]]:
        product = product @ jacobian
        expected.append(np.log10(np.linalg.norm(product, ord=2, axis=(1, 2))))
    norms = found.log10_product_norms(range(1, length + 1))
    np.testing.assert_allclose(norms, expected[::-1], atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_product_norms_never_underflow(dtype: str, rng: np.random.Generator) -> None:
    network = network_of("elman", rng, "identity", dtype)
    rotation = np.linalg.qr(rng.normal(size=(H, H)))[0]
    network.load(network.parameters() | {"weight_hh_l0": 0.01 * rotation})
    norms = swept(network, rng.normal(size=(2000, 1, D))).log10_product_norms([1, 1000, 2000])
    np.testing.assert_allclose(norms[:, 0], [-3998, -2000, 0], atol=2e-3)


@pytest.mark.parametrize("gain", [0.3, 1.0])
def test_singular_values_of_tanh_with_orthogonal_weights_are_its_slopes(
    gain: float, rng: np.random.Generator
) -> None:
    network = network_of("elman", rng, "tanh")
    rotation = np.linalg.qr(rng.normal(size=(H, H)))[0]
    network.load(network.parameters() | {"weight_hh_l0": gain * rotation})
    found = swept(network, rng.normal(size=(6, B, D)))
    h = found.tape.outputs[1:]
    slopes = -np.sort(-(1 - h**2), axis=1)
    np.testing.assert_allclose(
        10 ** found.log10_singular_values(range(1, 7)), gain * slopes, rtol=EXACT
    )


def test_a_closed_path_has_singular_values_of_exactly_zero(rng: np.random.Generator) -> None:
    network = network_of("elman", rng, "relu")
    network.load(network.parameters() | {"bias_ih_l0": np.full(H, -100.0)})
    found = swept(network, rng.normal(size=(3, B, D)))
    assert np.isneginf(found.log10_singular_values([1, 2, 3])).all()
    assert np.isneginf(found.log10_product_norms([1, 2])).all()
    assert np.isneginf(found.lyapunov()).all()
